"""What a model made of an archive, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from bench.nab import nab
from bench.nab.archive import LabelledSeries
from bench.nab.replay import Counts, Replayed, count


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's scores for every row of an archive."""

    archive: Sequence[LabelledSeries]
    rated: Sequence[nab.Rated]
    replayed: Sequence[Replayed]

    @property
    def scores(self) -> list[nab.Floats]:
        """The scores of each series."""
        return [replayed.scores for replayed in self.replayed]

    @property
    def seconds_per_million(self) -> float:
        """Seconds of CPU that the model takes for a million points."""
        return (
            1e6
            * sum(replayed.seconds for replayed in self.replayed)
            / sum(len(series.times) for series in self.archive)
        )

    def counts(self, threshold: float) -> list[Counts]:
        """Return what each series' detections found at a threshold."""
        return [
            count(series, rated, scores, threshold)
            for series, rated, scores in zip(self.archive, self.rated, self.scores, strict=True)
        ]

    def best(self, profile: nab.Profile) -> nab.Result:
        """Return the one threshold that serves all files best, and its score."""
        return nab.best(self.rated, self.scores, profile)

    def cross_validated(self, profile: nab.Profile) -> float | None:
        """Return the score when the threshold for each category is the best for the others, if there are others."""
        if len(self.categories) < 2:
            return None
        gained, windows = 0.0, 0
        for category in self.categories:
            held = self.only(category)
            gained += held.gained(profile, self.without(category).best(profile).threshold)
            windows += held.windows
        return nab.normalise(gained, windows, profile)

    def gained(self, profile: nab.Profile, threshold: float) -> float:
        """Return what the detections at a threshold gain over never alerting, in windows."""
        return sum(
            nab.gained(rated, scores, profile, threshold) for rated, scores in zip(self.rated, self.scores, strict=True)
        )

    @property
    def windows(self) -> int:
        """How many windows can be found."""
        return sum(rated.windows for rated in self.rated)

    @property
    def categories(self) -> list[str]:
        """The categories of its series."""
        return list(dict.fromkeys(series.category for series in self.archive))

    def only(self, category: str) -> "Evaluation":
        """Return the part that is about one category."""
        return self._part([series.category == category for series in self.archive])

    def without(self, category: str) -> "Evaluation":
        """Return the part that is about all other categories."""
        return self._part([series.category != category for series in self.archive])

    def _part(self, wanted: Sequence[bool]) -> "Evaluation":
        return Evaluation(
            list(compress(self.archive, wanted)),
            list(compress(self.rated, wanted)),
            list(compress(self.replayed, wanted)),
        )
