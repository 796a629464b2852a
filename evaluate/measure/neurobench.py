"""The ledger under the names of NeuroBench, where its definitions fit."""

from __future__ import annotations

from tfsnn.plan.plan import Plan
from tfsnn.record import Ledger


def neurobench(plan: Plan, ledger: Ledger, stamps: int | None, footprint: int, frames: int) -> dict[str, float | None]:
    """NeuroBench's metrics, under its names, per frame; None where its definition does not fit.

    Its effective operations leave out weights of zero. Its activation sparsity is the share of (neuron, time step) in
    which a neuron stays silent: time steps are time stamps, and it fits where a neuron sends at most one spike in each.

    Parameters
    ----------
    plan
        What ran.
    ledger
        What it did.
    stamps
        Time stamps of all samples together; None where a neuron may send more than once in one (``spike`` schedule).
    footprint
        Bytes of parameters and state.
    frames
        How many frames there were.
    """
    operations = float(ledger.synaptic_operations_nonzero.sum()) / frames
    signed = plan.settings.spikes == "signed"
    speaking = [at for at, p in enumerate(plan.populations) if p.node.requantizes and p.threshold]
    chances = (stamps or 0) * sum(plan.populations[at].size for at in speaking)
    sent = float(ledger.sent[:, speaking].sum())
    return {
        "Effective_ACs": operations if signed else 0.0,
        "Effective_MACs": 0.0 if signed else operations,
        "ActivationSparsity": None if signed or not chances else 1 - sent / chances,
        "Footprint": float(footprint),
    }
