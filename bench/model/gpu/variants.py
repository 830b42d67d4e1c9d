"""What is done to a pipeline to make it faster, each step on top of those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch._dynamo
from torch.nn import functional

RECOMPILES = 64  # one code object serves every width of a network; eight are not enough for SD 1.5
FP8_MOST = 448.0  # the largest number of float8_e4m3fn


class NotHere(Exception):
    """This device cannot do that; the sentence says what it lacks."""


def plain(pipeline: Any) -> None:
    """As from_pretrained leaves it: bf16 and SDPA, which diffusers takes by itself."""


def channels_last(pipeline: Any) -> None:
    """Convolutions see their channels beside each other; and no step waits for the device to learn its number."""
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    _sigmas_on_the_cpu(pipeline.scheduler)


def _sigmas_on_the_cpu(scheduler: Any) -> None:
    """The schedule is known before the first step, so nothing of it is ever read back from the device.

    Diffusers keeps sigmas on the CPU, but finds the first step's number by comparing timesteps on the device.
    """
    set_timesteps = scheduler.set_timesteps

    def from_the_start(*arguments: Any, **options: Any) -> None:
        set_timesteps(*arguments, **options)
        scheduler.set_begin_index(0)

    scheduler.set_timesteps = from_the_start


def compiled(pipeline: Any) -> None:
    """The repeated blocks are compiled once for all of their copies: seconds instead of minutes."""
    on_cpu = pipeline.unet.device.type == "cpu"
    torch._dynamo.reset()  # what was compiled for another pipeline counts against the limit
    torch._dynamo.config.recompile_limit = RECOMPILES
    if not any(isinstance(module, Fp8Linear) for module in pipeline.unet.modules()):
        pipeline.fuse_qkv_projections(vae=False)
    pipeline.unet.compile_repeated_blocks(fullgraph=True, backend="eager" if on_cpu else "inductor")


def cuda_graph(pipeline: Any) -> None:
    """One launch for the whole network instead of thousands; pays where the processor is what is waited for."""
    if pipeline.unet.device.type != "cuda":
        raise NotHere("CUDA graphs need CUDA")
    pipeline.unet.forward = Graphed(pipeline.unet.forward)


class Graphed:
    """Records the network's forward pass at the second call of each shape, and replays it from then on."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._forward = forward
        self._seen: set[tuple[Any, ...]] = set()
        self._graphs: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, dict[str, Any], torch.Tensor]] = {}

    def __call__(self, sample: torch.Tensor, timestep: torch.Tensor, **options: Any) -> Any:
        texts = options["encoder_hidden_states"]
        added = options.get("added_cond_kwargs") or {}
        held = {"sample": sample, "timestep": timestep, "texts": texts, **added}
        key = tuple((name, tuple(value.shape)) for name, value in sorted(held.items()))
        if key not in self._seen:  # the first call compiles, and may allocate
            self._seen.add(key)
            return self._forward(sample, timestep, **options)
        if key not in self._graphs:
            self._graphs[key] = self._record(held, options)
        graph, inputs, output = self._graphs[key]
        for name, value in held.items():
            inputs[name].copy_(value)
        graph.replay()
        return (output.clone(),)

    def _record(self, held: dict[str, Any], options: dict[str, Any]) -> Any:
        inputs = {name: value.clone() for name, value in held.items()}
        added = {name: inputs[name] for name in held if name not in ("sample", "timestep", "texts")}
        given = options | {"encoder_hidden_states": inputs["texts"], "return_dict": False}
        if added:
            given |= {"added_cond_kwargs": added}
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            (output,) = self._forward(inputs["sample"], inputs["timestep"], **given)
        return graph, inputs, output


class Fp8Linear(torch.nn.Module):
    """A linear layer in float8: one scale for the weights, one for each call's input, products summed in fp32."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.scale = (weight.abs().max().float() / FP8_MOST).clamp(min=1e-12)
        self.weight = (weight.float() / self.scale).to(torch.float8_e4m3fn)
        self.bias = None if linear.bias is None else linear.bias.detach()
        self.in_features, self.out_features = linear.in_features, linear.out_features

    def forward(self, x: torch.Tensor, *ignored: Any) -> torch.Tensor:
        """As nn.Linear, to about two decimal digits."""
        flat = x.reshape(-1, x.shape[-1])
        scale = (flat.abs().max().float() / FP8_MOST).clamp(min=1e-12)
        small = (flat.float() / scale).to(torch.float8_e4m3fn)
        if x.is_cuda:
            out = torch._scaled_mm(
                small, self.weight.t(), scale_a=scale, scale_b=self.scale, bias=self.bias, out_dtype=x.dtype
            )
        else:  # the same numbers, for a test without a GPU
            bias = None if self.bias is None else self.bias.float()
            out = functional.linear(small.float() * scale, self.weight.float() * self.scale, bias).to(x.dtype)
        return out.reshape(*x.shape[:-1], self.out_features)


def fp8(pipeline: Any) -> None:
    """The transformer blocks' linear layers in float8, in place. Pictures change by more than rounding."""
    device = pipeline.unet.device
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 9):
        raise NotHere("float8 needs compute capability 8.9")
    pipeline.fuse_qkv_projections(vae=False)  # it adds up matrices, which must be plain ones
    for block in [m for m in pipeline.unet.modules() if type(m).__name__ == "BasicTransformerBlock"]:
        for parent in list(block.modules()):
            for name, child in list(parent.named_children()):
                fits = isinstance(child, torch.nn.Linear) and not (child.in_features % 16 or child.out_features % 16)
                if fits:
                    setattr(parent, name, Fp8Linear(child))


# In this order, each on a pipeline to which those before it were done; fp8 before anything compiles it.
STACKED: tuple[tuple[str, Callable[[Any], None]], ...] = (
    ("plain bf16 and SDPA", plain),
    ("channels last, sigmas on the CPU", channels_last),
    ("and repeated blocks compiled", compiled),
    ("and a CUDA graph", cuda_graph),
)
WITH_FP8: tuple[tuple[str, Callable[[Any], None]], ...] = (
    (
        "fp8, channels last, compiled",
        lambda pipeline: [step(pipeline) for step in (fp8, channels_last, compiled)] and None,
    ),
)
