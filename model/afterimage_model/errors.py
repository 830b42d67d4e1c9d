"""Why no picture was made: one class per code of the contract, each with its HTTP status.

ModelFault
├── InvalidDocument, OutsideLimits, ModeNotSupported, SchedulerNotSupported    the caller's doing, final
├── InputRefused, AdapterRefused                                               the caller's doing, final
├── Cancelled, ClientGone                                                      the caller's wish, final
├── NotReady, Busy, OutOfMemory, StorageFailed                                 may work later
└── GenerationFailed                                                           ours, final
"""

from __future__ import annotations

from afterimage.contracts.generation import ModelError, ModelProblem


class ModelFault(Exception):
    """Base of every fault that is answered in words; `str(fault)` is one sentence that may be shown to a person."""

    code = "generation_failed"
    status = 500
    retryable = False

    def document(self) -> ModelError:
        """The body that the container answers with."""
        message = str(self).encode("utf-8", "backslashreplace").decode()  # it may quote half a character back
        return ModelError(error=ModelProblem(code=self.code, message=message, retryable=self.retryable))


class InvalidDocument(ModelFault):
    """The body is not a GenerationJob: broken JSON, a missing, unknown or ill-typed field, text that is no Unicode."""

    code, status = "invalid_document", 400


class BodyTooLarge(InvalidDocument):
    """The body is longer than the server reads."""

    status = 413


class WrongContentType(InvalidDocument):
    """The body is not declared as application/json."""

    status = 415


class OutsideLimits(ModelFault):
    """A value lies outside what this model folder or this server permits; raised before any work."""

    code, status = "outside_limits", 400


class ModeNotSupported(ModelFault):
    """The job asks for another mode than txt2img and img2img."""

    code, status = "mode_not_supported", 400


class SchedulerNotSupported(ModelFault):
    """The job names a scheduler that this model cannot step with."""

    code, status = "scheduler_not_supported", 400


class InputRefused(ModelFault):
    """The input picture is missing, hostile, or no still PNG, JPEG or WebP of a reasonable size."""

    code, status = "input_refused", 400


class AdapterRefused(ModelFault):
    """The adapter is missing, no safetensors file, of another digest, or made for another model."""

    code, status = "adapter_refused", 400


class Cancelled(ModelFault):
    """The job's tombstone was found, before the start or between two steps."""

    code, status = "cancelled", 409


class ClientGone(ModelFault):
    """Whoever asked has closed the connection; nobody reads this answer, the log does."""

    code, status = "client_gone", 499


class NotReady(ModelFault):
    """The weights are still loading, the set-up failed, or the server is going down."""

    code, status, retryable = "not_ready", 503, True


class Busy(ModelFault):
    """The bounded queue is full."""

    code, status, retryable = "busy", 503, True


class OutOfMemory(ModelFault):
    """The accelerator (or the machine) had no memory left; the cache is free again when this is raised."""

    code, status, retryable = "out_of_memory", 507, True


class StorageFailed(ModelFault):
    """A picture could not be written to S3."""

    code, status, retryable = "storage_failed", 500, True


class GenerationFailed(ModelFault):
    """Anything else; what exactly is in the log under the job id and never in the message."""


class SetUpError(Exception):
    """The server cannot become ready, for a reason that an operator can mend; /ping reports the message."""


class ModelFolderError(SetUpError):
    """The model folder cannot be served; the message names the file or field."""


class DeviceError(SetUpError):
    """The device that was asked for, or is plainly there, cannot be used."""
