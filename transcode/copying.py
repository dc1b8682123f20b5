"""The encoded working copy of a picture: compared, made finer where it is not alike, and filed.

It is encoded along with the analysis. Where its sound cannot be written it is made by itself, so that damaged
sound takes no picture along.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from evidence.errors import VidneError
from evidence.exhibits import Problem, Role
from evidence.jsontypes import JsonObject
from transcode import decode, encode
from transcode.child import Finished
from transcode.comparison import Comparison, UnusableCopyError, compare
from transcode.model import Made
from transcode.tools import identify

# Gives a decode of the picture into a new folder of that name.
NewJob = Callable[[str, encode.Plan], decode.Job]
_ENCODED, _LEFT_OUT = "sound-encoded", "sound-left-out"
SOUND_CODES = frozenset({_ENCODED, _LEFT_OUT})  # of problems that say what became of the sound


class CopyFailedError(VidneError):
    """No copy could be encoded, in none of the ways that were tried.

    `was_ended` tells that the last of them was stopped or died, which says nothing of the file.
    """

    def __init__(self, what: str, failed: Finished) -> None:
        """`failed` is how ffmpeg ended; `what` is a sentence, to which its words are added."""
        super().__init__(f"{what} {failed.explain()}")
        self.was_ended = decode.was_ended(failed)


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy with what it was compared to; `plan` is how it was made in the end."""

    made: Made
    plan: encode.Plan
    comparison: Comparison
    problems: tuple[Problem, ...]


def along(job: decode.Job, decoded: decode.Decoded, new_job: NewJob) -> Copied:
    """The copy that the decode `job` made along with the analysis.

    Raises UnusableCopyError where it cannot be read, CopyFailedError where no finer one can be made.
    """
    if job.copy is None:
        raise ValueError("no copy was planned")
    encoded = decode.Encoded(decoded.command, decoded.encoded, decoded.finished)
    try:
        return _filed(job, job.copy, encoded, new_job)
    except UnusableCopyError:
        if not job.copy.sounds:
            raise
    return apart(job.copy, decoded.finished, new_job)


def beside(wanted: encode.Plan, new_job: NewJob) -> Copied:
    """A copy by one more decode, beside one that keeps the packets.

    Raises CopyFailedError where it cannot be made.
    """
    job = new_job("beside", wanted)
    encoded = decode.encode_again(job, wanted)
    if encoded.is_whole:
        with suppress(UnusableCopyError):
            return _filed(job, wanted, encoded, new_job)
    return apart(wanted, encoded.finished, new_job)


def apart(wanted: encode.Plan, failed: Finished, new_job: NewJob) -> Copied:
    """The copy made by itself, as making it along has `failed`: with all its sound encoded, else without.

    Raises CopyFailedError where it cannot be made.
    """
    for number, (attempt, problem) in enumerate(_attempts(wanted), 1):
        job = new_job(f"apart-{number}", attempt)
        encoded = decode.encode_again(job, attempt)
        if encoded.is_whole:
            with suppress(UnusableCopyError):
                copied = _filed(job, attempt, encoded, new_job)
                return replace(copied, problems=(problem, *copied.problems))
        failed = encoded.finished
    raise CopyFailedError("The copy could not be encoded.", failed)


def _attempts(wanted: encode.Plan) -> Iterator[tuple[encode.Plan, Problem]]:
    if any(sound.copied for sound in wanted.sounds):
        encoded = tuple(replace(sound, copied=False) for sound in wanted.sounds)
        text = f"The sound could not be copied into {wanted.name} as it is: it was encoded."
        yield replace(wanted, sounds=encoded), Problem(_ENCODED, text)
    if wanted.sounds:
        text = f"No sound could be written into {wanted.name}: it is left out, and stays in the original."
        yield replace(wanted, sounds=()), Problem(_LEFT_OUT, text)


def _filed(job: decode.Job, wanted: encode.Plan, encoded: decode.Encoded, new_job: NewJob) -> Copied:
    comparison = compare(job.out, wanted, encoded.stamps, job.limits)
    out = job.out
    if comparison.mean_ssim is not None and not comparison.is_alike:
        (out / wanted.name).unlink()
        wanted = replace(wanted, crf=encode.FINER)
        finer = new_job("finer", wanted)
        encoded = decode.encode_again(finer, wanted)
        if not encoded.is_whole:
            raise CopyFailedError("The finer copy could not be encoded.", encoded.finished)
        comparison, out = compare(finer.out, wanted, encoded.stamps, finer.limits), finer.out
    detail: JsonObject = {
        "label": wanted.label,
        "streams": [wanted.picture.index, *(sound.index for sound in wanted.sounds)],
        "comparison": comparison.as_json(),
    }
    made = Made(
        Role.WORKING, wanted.name, out / wanted.name, identify("ffmpeg"), encoded.command, detail=detail
    )
    return Copied(made, wanted, comparison, _differences(wanted.name, comparison))


def _differences(name: str, comparison: Comparison) -> tuple[Problem, ...]:
    found = []
    if not comparison.times_equal:
        text = (
            f"{name} has {comparison.frames} of {comparison.frames_expected} frames, shown up to"
            f" {comparison.worst_time_s:.3f} s from their time; an MP4 holds no times that run backwards."
        )
        found.append(Problem("copy-times-differ", text))
    if comparison.sampled and not comparison.is_alike:
        text = f"Sampled frames of {name} are less like the original's than they should be (SSIM"
        found.append(Problem("copy-differs", f"{text} {comparison.worst_ssim:.3f} at worst)."))
    return tuple(found)
