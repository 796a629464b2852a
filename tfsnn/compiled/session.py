"""What a plan is run by, frame after frame or stream after stream: the tables, one thread's work, and how it goes on in wider states."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array, Floats, Integers
from tfsnn.compiled.first_use import Called, callable_of, ready
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.tables import aligned
from tfsnn.compiled.work import Job, Work, advance, outputs_of, prepared, state_of, widened
from tfsnn.plan.plan import Plan
from tfsnn.record import OutOfRange, State

BLOCK = 64
"""Bytes of a frame that are compared at once."""


class Session:
    """One sample that goes on for as long as it is fed, on the compiled engine.

    Parameters
    ----------
    plan
        What to run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.schedule = plan, plan.settings.schedule
        inputs = sum(plan.populations[at].size for at in plan.inputs)
        # Bytes behind the last pixel are 0 in both, so that whole blocks are compared.
        self._frame, self._sent = (aligned(np.zeros(-(-inputs // BLOCK) * BLOCK, np.uint8)) for _ in range(2))
        self._pixels = self._frame[:inputs]
        self._frame_run: Called | None = None
        self._room = 0
        self._begin(narrow=plan.carrier == "int32")
        self.rest()

    def rest(self) -> None:
        """Back to where the plan starts; what the frames have sent is forgotten."""
        work, start = self._work, prepared(self.plan, self._work.tables.narrow).start
        work.arrays[c.X_CELLS][:], work.arrays[c.O_CELLS][:] = start[0][0], start[1][0]
        work.arrays[c.BOUNDS][:], self._sent[:] = np.inf, 0
        work.clean()
        work.progress[c.STAGE], work.arrays[c.LEDGER][:] = c.BETWEEN, 0
        self._read()

    def step_frame(self, frame: Array, least: int) -> None:
        """Take in a frame under ``slot``.

        Parameters
        ----------
        frame
            uint8, of the input's size.
        least
            The least change that is sent.
        """
        self._pixels[:] = frame.reshape(-1)
        if self._frame_run is None:
            self._work.take(self._job, ready(self._work.tables, [self.schedule, "frame"]))
            self._frame_run = callable_of("frame", self._work.tables.narrow)
        self._finish(self._frame_run(self._work.address, least), "frame", least)

    def step_events(self, t: Integers | int, neuron: Array, payload: Array) -> None:
        """Take in events.

        Parameters
        ----------
        t, neuron, payload
            As of :class:`tfsnn.input.events.Events`; they are copied.
        """
        count, arrays = len(neuron), self._job.arrays
        if count > self._room:
            self._make_job(2 * count)
            arrays = self._job.arrays
        arrays[c.STAMPS][:count], arrays[c.NEURONS][:count], arrays[c.PAYLOADS][:count] = t, neuron, payload
        arrays[c.OFFSETS][1] = count
        progress = self._work.progress
        progress[c.SAMPLE], progress[c.LAST_SAMPLE], progress[c.EVENT], progress[c.STAGE] = 0, 1, 0, c.BETWEEN
        progress[c.HEAD] = progress[c.TAIL] = progress[c.PART] = progress[c.NEXT] = progress[c.ROW] = 0
        self._work.arrays[c.LEDGER][:] = 0
        self._finish(advance(self.schedule, self._work), self.schedule)

    @property
    def ledger(self) -> Integers:
        """int64 (7, populations): what the last step cost."""
        return self._work.arrays[c.LEDGER].reshape(c.COUNTS, -1)

    @property
    def sent(self) -> Integers:
        """uint8 (inputs): what each input neuron has sent so far in frames."""
        return self._sent[: len(self._pixels)]

    @property
    def state(self) -> State:
        """Where the neurons stand, one sample."""
        arrays = self._work.arrays
        return state_of(self._work.tables, arrays[c.X_CELLS][None], arrays[c.O_CELLS][None])

    def _begin(self, narrow: bool) -> None:
        """Make the work, in these states."""
        self._work = Work(prepared(self.plan, narrow).tables)
        self._make_job(256)

    def _make_job(self, room: int) -> None:
        tables, shown = self._work.tables, len(self._work.tables.arrays[c.OUTPUTS]) // 2
        nothing, self._room, self._frame_run = np.zeros(0, np.int64), room, None
        self._job = Job({
            c.STAMPS: np.zeros(room, np.int64), c.NEURONS: np.zeros(room, np.int32), c.PAYLOADS: np.zeros(room, np.int32),
            c.OFFSETS: np.zeros(2, np.int64), c.FRAME: self._frame, c.SENT: self._sent,
            c.START_X: np.zeros(0, tables.carrier), c.START_O: np.zeros(0, tables.carrier),
            c.LEDGERS: np.zeros(c.COUNTS * len(tables.population), np.int64),
            c.FINAL_X: np.zeros(shown, tables.carrier), c.FINAL_O: np.zeros(shown, tables.carrier),
            c.ROWS_X: nothing, c.ROWS_O: nothing, c.ROW_COUNTS: nothing, c.ROW_FIRST: np.zeros(1, np.int64),
        })  # fmt: skip
        self._work.take(self._job, ready(tables, [self.schedule]))

    def _finish(self, status: int, entry: str, *arguments: int) -> None:
        """A step has come to a status: go on in wide states where that is called for, then look at the outputs."""
        if status != c.DONE and self._work.tables.narrow:
            self._widen(entry)
            status = advance(entry, self._work, *arguments)
        if status != c.DONE:
            raise OutOfRange(int(self._work.progress[c.NEXT]), np.zeros(1, np.int64))
        if self.ledger[c.RECEIVED, list(self.plan.outputs)].any():
            self._read()

    def _widen(self, entry: str) -> None:
        """Carry on in int64, in the middle of a step: nothing is lost, int32 was exact so far."""
        old, job, room = self._work, self._job.arrays, self._room
        self._work = widened(old, prepared(self.plan, False).tables)
        self._make_job(room)
        for slot in (c.STAMPS, c.NEURONS, c.PAYLOADS, c.OFFSETS):
            self._job.arrays[slot][:] = job[slot]
        self._work.take(self._job, ready(self._work.tables, [self.schedule, entry]))

    def _read(self) -> None:
        cells, arrays = self._work.tables.arrays[c.OUTPUTS].reshape(-1, 2), self._work.arrays
        x, o = arrays[c.X_CELLS][cells[:, 0]], arrays[c.O_CELLS][cells[:, 1]]
        self.outputs: Floats = outputs_of(self.plan, self._work.tables, x[None], o[None])[0]
