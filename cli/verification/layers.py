"""Each layer of a picture file, read from its bytes. Runs in the reading process only: the bytes may be hostile."""

from __future__ import annotations

import io
import json
import re
from typing import Any

from PIL import Image

from cli.verification.findings import Findings, Signature, Watermark

CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
BEGINS = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
MOST_BYTES = 32 * 2**20
MOST_PIXELS = 50 * 10**6
"""Held against the header, before anything is unpacked: a bomb is small until then."""
BROKEN = f"It is broken, or no {', '.join(CONTENT_TYPES)} at all."
TOO_MANY_PIXELS = f"It has more than {MOST_PIXELS // 10**6} million pixels."
_MOST_TEXTS, _MOST_CHARACTERS = 40, 4000
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_SOURCE_TYPE = re.compile(rb"DigitalSourceType\b[^<>]{0,200}?[>\"']\s*([a-z]+://[^\s<>\"']{1,300})")
# What an embedded manifest has in it: the chunk of PNG, the type of its boxes.
_SEALED = (b"caBX", b"jumb")
# What is wrong with a certificate is said of the signer; everything else that fails is said of the file.
_OF_THE_SIGNER = ("signingCredential.", "timeStamp.", "claimSignature.outsideValidity")


class Refused(Exception):
    """Raised for a file that is not read to its end; the message is a sentence."""


def read(body: bytes, anchors: str) -> Findings:
    """Everything that `body` says; `anchors` are certificates in PEM that are trusted. Raises Refused."""
    if len(body) > MOST_BYTES:
        raise Refused(f"It has more than {MOST_BYTES // 2**20} MiB.")
    try:
        with Image.open(io.BytesIO(body), formats=list(CONTENT_TYPES)) as opened:
            _check_header(opened)
            opened.load()
            kind = "JPEG" if opened.format == "MPO" else str(opened.format)
            return Findings(
                kind=kind,
                width=opened.width,
                height=opened.height,
                signature=_signature(body, CONTENT_TYPES[kind], anchors),
                source_type=_source_type(opened),
                text=_text(opened),
                watermark=_watermark(opened),
            )
    except Refused:
        raise
    except Image.DecompressionBombError as exc:
        raise Refused(TOO_MANY_PIXELS) from exc
    except MemoryError as exc:
        raise Refused("It takes more memory than it is given.") from exc
    except Exception as exc:  # decoders raise whatever a broken file makes them
        return _broken(body, anchors, exc)


def _broken(body: bytes, anchors: str, why: Exception) -> Findings:
    """What a signature says of a file that shows no picture: it may be what broke it that was done to it since."""
    kind = next((kind for kind, begins in BEGINS.items() if begins.match(body)), None)
    signature = _signature(body, CONTENT_TYPES[kind], anchors) if kind else None
    if kind is None or signature is None or signature.fits or not signature.signer:
        raise Refused(BROKEN) from why
    nowhere = Watermark(found=False, not_looked="the file is broken")
    return Findings(kind=kind, width=0, height=0, signature=signature, source_type="", watermark=nowhere)


def _check_header(opened: Image.Image) -> None:
    # The further pictures of a camera's JPEG ("MPO": depth, preview) are no animation.
    if getattr(opened, "n_frames", 1) != 1 and opened.format != "MPO":
        raise Refused("It is animated.")
    if opened.width * opened.height > MOST_PIXELS:
        raise Refused(TOO_MANY_PIXELS)


def _text(opened: Image.Image) -> dict[str, str]:
    found: dict[str, Any] = dict(getattr(opened, "text", {}))
    comment = opened.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT, b"")
    if isinstance(comment, bytes) and comment.startswith(b"ASCII\0\0\0"):
        try:
            told = json.loads(comment[8:])
        except (ValueError, RecursionError):
            told = None
        found |= told if isinstance(told, dict) else {}
    kept = [(name, str(text)) for name, text in found.items() if name != "XML:com.adobe.xmp"]
    return {str(name)[:100]: text[:_MOST_CHARACTERS] for name, text in kept[:_MOST_TEXTS]}


def _source_type(opened: Image.Image) -> str:
    packet = opened.info.get("xmp") or getattr(opened, "text", {}).get("XML:com.adobe.xmp") or b""
    found = _SOURCE_TYPE.search(packet.encode("utf-8", "replace") if isinstance(packet, str) else packet)
    return found[1].decode("ascii", "replace").rpartition("/")[2] if found else ""


def _watermark(opened: Image.Image) -> Watermark:
    from afterimage_model.find_mark import find_mark
    from afterimage_model.watermark import MARK

    found = find_mark(opened)
    if found is None:
        return Watermark(found=False, not_looked="the picture is too small")
    score, threshold = round(found.score, 1), round(found.threshold, 1)
    if not found.is_marked:
        return Watermark(found=False, score=score, threshold=threshold)
    scale = round(found.scale, 2)
    return Watermark(found=True, name=MARK, score=score, threshold=threshold, scale=scale, attitude=found.attitude)


def _signature(body: bytes, content_type: str, anchors: str) -> Signature | None:
    """The active manifest; nothing is fetched for it, neither a manifest elsewhere nor the state of a certificate."""
    import c2pa

    settings: dict[str, Any] = {"verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}}
    if anchors:
        settings["trust"] = {"user_anchors": anchors}
    context = c2pa.Context.from_dict(settings)
    try:
        reader = c2pa.Reader(content_type, io.BytesIO(body), context=context)
        store = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as exc:
        # Without a manifest in the file there is none: one that is said to lie elsewhere is not fetched, and anybody
        # can say so.
        if not any(mark in body for mark in _SEALED):
            return None
        problem = type(exc).__name__.removeprefix("_C2pa")
        return Signature(signer="", issuer="", fits=False, known=False, problems=(problem,))
    return _signature_from(store)


def _signature_from(store: dict[str, Any]) -> Signature:
    manifest = store["manifests"][store["active_manifest"]]
    results = store.get("validation_results", {}).get("activeManifest", {})
    problems = tuple(sorted({str(problem["code"]) for problem in results.get("failure", [])}))
    info = manifest.get("signature_info") or {}
    tools = manifest.get("claim_generator_info") or [{}]
    signer = info.get("common_name") or info.get("issuer") or "a nameless signer"
    return Signature(
        signer=_short(signer),
        issuer=_short(info.get("issuer") or ""),
        fits=all(problem.startswith(_OF_THE_SIGNER) for problem in problems),
        known=store.get("validation_state") == "Trusted",
        problems=problems,
        tool=_short(tools[0].get("name") or ""),
        source_type=_created_as(manifest),
        signed_at=_short(info.get("time") or ""),
    )


def _created_as(manifest: dict[str, Any]) -> str:
    for assertion in manifest.get("assertions", []):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in assertion["data"].get("actions", []):
                if action.get("action") == "c2pa.created":
                    return _short(str(action.get("digitalSourceType", "")).rpartition("/")[2])
    return ""


def _short(text: str) -> str:
    return str(text)[:200]
