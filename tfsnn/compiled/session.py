"""What a plan is run by, frame after frame or stream after stream: the tables, one thread's work, and how it goes on in wider states."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array, Floats, Integers
from tfsnn.compiled.first_use import Called, callable_of, ready
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.tables import aligned
from tfsnn.compiled.work import Job, Work, advance, outputs_of, prepared, state_of, widened
from tfsnn.plan.grid_function import STATE_LIMIT
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
    least
        uint8 (channels), or (1): the least change that is sent of frames of bytes; None where there are none.
    """

    def __init__(self, plan: Plan, least: Array | None = None) -> None:
        self.plan, self.schedule = plan, plan.settings.schedule
        inputs = [plan.populations[at] for at in plan.inputs]
        size, shape = sum(population.size for population in inputs), inputs[0].node.shape if len(inputs) == 1 else None
        # Bytes behind the last pixel are 0 in both, so that whole blocks are compared.
        self._frame, self._sent = (aligned(np.zeros(-(-size // BLOCK) * BLOCK, np.uint8)) for _ in range(2))
        self._least = aligned(np.ones(len(self._frame), np.uint8))
        if least is not None:
            self._least[:size] = np.resize(least, size)
        self.sent: Integers = self._sent[:size]
        """uint8 (inputs): what each input neuron has sent so far in frames."""
        self._pixels = self._frame[:size].reshape(shape or (size,))
        outputs = [plan.populations[at] for at in plan.outputs]
        linear = not plan.settings.spiking_output and all(p.node.activation.kind == "linear" for p in outputs)
        self._steps = np.repeat([p.step for p in outputs], [p.size for p in outputs]) if linear else None
        # What the first step is likely to need is compiled before it.
        self._likely = "frame" if least is not None else self.schedule
        self._run_frame: Called | None = None
        # The work in int32, while a step that it could not do is gone on with in int64.
        self._narrow: Work | None = None
        self._begin(narrow=plan.carrier == "int32")
        self.rest()

    def rest(self) -> None:
        """Back to where the plan starts; what the frames have sent is forgotten."""
        if self._narrow is not None:
            self._come_back(self._narrow)
        work, start = self._work, prepared(self.plan, self._work.tables.narrow).start
        work.arrays[c.X_CELLS][:], work.arrays[c.O_CELLS][:] = start[0][0], start[1][0]
        work.arrays[c.BOUNDS][:], work.arrays[c.SETTLED][:], self._sent[:] = np.inf, 0, 0
        work.clean()
        work.progress[c.STAGE], work.arrays[c.LEDGER][:] = c.BETWEEN, 0
        self._read()

    def step_frame(self, frame: Array) -> None:
        """Take in a frame under ``slot``.

        Parameters
        ----------
        frame
            uint8, of the input's shape.
        """
        self._pixels[...] = frame
        if self._narrow is not None:
            self._come_back_if_it_fits(self._narrow)
        run = self._run_frame
        if run is None:
            self._work.take(self._job, ready(self._work.tables, ["frame"]))
            run = self._run_frame = callable_of("frame", self._work.tables.narrow)
            self._address = self._work.address
        status = run(self._address)
        if status != c.DONE:
            self._go_on("frame")
        if self._progress[c.SHOWN]:
            self._read()

    def step_events(self, t: Integers | int, neuron: Array, payload: Array) -> None:
        """Take in events.

        Parameters
        ----------
        t, neuron, payload
            As of :class:`tfsnn.input.events.Events`; they are copied.
        """
        if self._narrow is not None:
            self._come_back_if_it_fits(self._narrow)
        count = len(neuron)
        if count > self._room or not self._takes_events:
            self._make_job(self._room if count <= self._room else 2 * count, self.schedule)
        arrays = self._job.arrays
        arrays[c.STAMPS][:count], arrays[c.NEURONS][:count], arrays[c.PAYLOADS][:count] = t, neuron, payload
        arrays[c.OFFSETS][1] = count
        progress = self._progress
        progress[c.SAMPLE], progress[c.LAST_SAMPLE], progress[c.EVENT], progress[c.STAGE] = 0, 1, 0, c.BETWEEN
        progress[c.HEAD] = progress[c.TAIL] = progress[c.PART] = progress[c.NEXT] = progress[c.ROW] = 0
        self._work.arrays[c.LEDGER][:] = 0
        if advance(self.schedule, self._work) != c.DONE:
            self._go_on(self.schedule)
        self._read()

    @property
    def state(self) -> State:
        """Where the neurons stand, one sample."""
        arrays = self._work.arrays
        return state_of(self._work.tables, arrays[c.X_CELLS][None], arrays[c.O_CELLS][None])

    def _begin(self, narrow: bool) -> None:
        """Make the work, in these states."""
        self._use(Work(prepared(self.plan, narrow).tables))
        self._make_job(256, self._likely)

    def _use(self, work: Work) -> None:
        """Work with this from now on; what each step needs of it at hand."""
        self._work, self._progress = work, work.progress
        self.counts: Integers = work.arrays[c.LEDGER].reshape(c.COUNTS, -1)
        """int64 (8, populations): what the last step cost: the ledger, and the products of layers seen from their targets."""
        cells = work.tables.arrays[c.OUTPUTS].reshape(-1, 2)
        self._cells = cells[:, 0].copy(), cells[:, 1].copy()

    def _make_job(self, room: int, entry: str) -> None:
        """Room for so many events, and the engine compiled for what goes in there: frames or events."""
        tables, shown = self._work.tables, len(self._cells[0])
        nothing, self._room = np.zeros(0, np.int64), room
        self._run_frame, self._takes_events = None, entry == self.schedule
        self._job: Job = Job({
            c.STAMPS: np.zeros(room, np.int64), c.NEURONS: np.zeros(room, np.int32), c.PAYLOADS: np.zeros(room, np.int32),
            c.OFFSETS: np.zeros(2, np.int64), c.FRAME: self._frame, c.SENT: self._sent, c.LEAST_BYTES: self._least,
            c.START_X: np.zeros(0, tables.carrier), c.START_O: np.zeros(0, tables.carrier),
            c.LEDGERS: np.zeros(c.COUNTS * len(tables.population), np.int64),
            c.FINAL_X: np.zeros(shown, tables.carrier), c.FINAL_O: np.zeros(shown, tables.carrier),
            c.ROWS_X: nothing, c.ROWS_O: nothing, c.ROW_COUNTS: nothing, c.ROW_FIRST: np.zeros(1, np.int64),
        })  # fmt: skip
        self._work.take(self._job, ready(tables, [entry]))

    def _go_on(self, entry: str) -> None:
        """A step did not come to its end: carry on in int64, where nothing is lost, as int32 was exact so far."""
        status, old, job, room = c.RANGE, self._work, self._job.arrays, self._room
        if old.tables.narrow:
            self._narrow = old
            self._use(widened(old, prepared(self.plan, False).tables))
            self._make_job(room, entry)
            for slot in (c.STAMPS, c.NEURONS, c.PAYLOADS, c.OFFSETS):
                self._job.arrays[slot][:] = job[slot]
            status = advance(entry, self._work)
        if status != c.DONE:
            raise OutOfRange(int(self._progress[c.NEXT]), np.zeros(1, np.int64))

    def _come_back_if_it_fits(self, narrow: Work) -> None:
        """Back to int32, many times as fast, where all states fit it well: often but a bound on sums did not, as in a first frame."""
        states = [self._work.arrays[slot] for slot in (c.X_CELLS, c.O_CELLS)]
        if all(max(int(array.max(initial=0)), -int(array.min(initial=0))) < STATE_LIMIT["int32"] // 2 for array in states):
            for slot, array in zip((c.X_CELLS, c.O_CELLS), states):
                narrow.arrays[slot][:] = array
            self._come_back(narrow)

    def _come_back(self, narrow: Work) -> None:
        """Work in int32 again, from the states there."""
        narrow.arrays[c.BOUNDS][:], narrow.arrays[c.SETTLED][:] = np.inf, 0
        narrow.clean()
        self._narrow = None
        self._use(narrow)
        self._make_job(self._room, self._likely)

    def _read(self) -> None:
        """Look at the outputs."""
        x, o = (self._work.arrays[slot][cells] for slot, cells in zip((c.X_CELLS, c.O_CELLS), self._cells))
        if self._steps is not None:
            # As readout has it, without its detours.
            self.outputs: Floats = x * self._steps
        else:
            self.outputs = outputs_of(self.plan, self._work.tables, x[None], o[None])[0]
