"""The XMP packet: in the words of IPTC, that a model made the picture, and which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape  # nosec B406

# What IPTC's vocabulary, Schema.org and C2PA call a picture that a trained model made.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
TOOL = "Afterimage"
# XML has no way to write these at all, and a prompt may hold them.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
{properties}
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def packet(facts: Mapping[str, str]) -> str:
    """Return the packet for the texts of a picture. A prompt is in it where it is among them (IPTC 2025.1)."""
    properties = {
        "xmp:CreatorTool": TOOL,
        "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
        "Iptc4xmpExt:AISystemUsed": facts.get("model", ""),
        "Iptc4xmpExt:AIPromptInformation": _prompts(facts),
    }
    lines = (f"<{name}>{escape(_plain(text))}</{name}>" for name, text in properties.items() if text)
    return _PACKET.format(properties="\n".join(lines))


def _prompts(facts: Mapping[str, str]) -> str:
    told = (facts.get("prompt", ""), facts.get("negative_prompt", ""))
    return "\n".join(f"{name}: {text}" for name, text in zip(("Prompt", "Negative prompt"), told, strict=True) if text)


def _plain(text: str) -> str:
    return _NOT_IN_XML.sub("", text)
