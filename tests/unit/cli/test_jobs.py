"""A request as the command reads it."""

from __future__ import annotations

from cli.jobs import parse_job
from tests.unit.cli.service import job_document


def test_what_moderation_changed_is_a_note_before_the_words_of_the_container() -> None:
    changes = [{"found": "bloody", "put": "dramatic"}, {"found": "gory", "put": "dramatic"}]
    verdict = {"stage": "prompt", "action": "soften", "categories": ["c"], "sentence": "Words were replaced."}
    warning = {"code": "c", "message": "The end was not read.", "detail": ""}
    told = parse_job(job_document(verdicts=[verdict | {"replaced": changes}], warnings=[warning]))
    assert told.warnings == (
        "Words were replaced. “bloody” became “dramatic”, “gory” became “dramatic”.",
        "The end was not read.",
    )
    assert parse_job(job_document(verdicts=[verdict])).warnings == ("Words were replaced.",)  # of an older service
