"""Votes as three arrays: the form in which every model takes them, dense or sparse alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from schemas.errors import BadInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VoteSet:
    """Votes of some raters on some photos; a rater may have voted on a photo more than once.

    Parameters
    ----------
    photo : ndarray of int64, shape (votes,)
        Index of the photo, 0 to photos - 1.
    rater : ndarray of int64, shape (votes,)
        Index of the rater, 0 to raters - 1.
    value : ndarray of float64, shape (votes,)
        The votes, in scale units; never NaN.
    photos, raters : int
        How many there are. Each has at least one vote.

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[5, 4], [1, float("nan")]])
    >>> votes.value.tolist(), votes.photo.tolist(), votes.rater.tolist()
    ([5.0, 4.0, 1.0], [0, 0, 1], [0, 1, 0])
    """

    photo: Ints
    rater: Ints
    value: Floats
    photos: int
    raters: int

    def __post_init__(self) -> None:
        if not (len(self.photo) == len(self.rater) == len(self.value)):
            raise BadInput("photo, rater and value differ in length", got=f"{len(self.photo)}, {len(self.value)}")
        if not len(self.value):
            raise BadInput("there are no votes", todo="Collect or import ratings first.")
        if not np.isfinite(self.value).all():
            raise BadInput("a vote is no finite number", field="value")
        for name, index, size in (("photo", self.photo, self.photos), ("rater", self.rater, self.raters)):
            if index.min() < 0 or index.max() >= size or np.bincount(index, minlength=size).min() == 0:
                raise BadInput("not every index from 0 has a vote", field=name, expected=f"all of 0 to {size - 1}")

    @classmethod
    def from_matrix(cls, matrix: npt.ArrayLike) -> VoteSet:
        """Votes from a matrix.

        Parameters
        ----------
        matrix : array_like, shape (photos, raters)
            NaN where there is no vote.
        """
        values = np.asarray(matrix, np.float64)
        photo, rater = np.nonzero(~np.isnan(values))
        return cls(photo, rater, values[photo, rater], *values.shape)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> tuple[VoteSet, pa.Array, pa.Array]:
        """Votes from columns `photo_id`, `rater_id` and `value`.

        Returns
        -------
        votes : VoteSet
            Indices follow the ids in their sorted order, so that no result depends on the order of rows.
        photo_ids, rater_ids : pyarrow.Array of string
            What the indices stand for.
        """
        photo_ids, photo = coded(table["photo_id"])
        rater_ids, rater = coded(table["rater_id"])
        value = np.asarray(table["value"].to_numpy(), np.float64)
        order = np.lexsort((value, rater, photo))
        votes = cls(photo[order], rater[order], value[order], len(photo_ids), len(rater_ids))
        return votes, photo_ids, rater_ids

    def per_photo(self, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        """Sum of a weight of each vote by photo; the number of votes without one."""
        return np.asarray(np.bincount(self.photo, weights, self.photos), np.float64)

    def per_rater(self, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        """Sum of a weight of each vote by rater; the number of votes without one."""
        return np.asarray(np.bincount(self.rater, weights, self.raters), np.float64)

    def matrix(self) -> Floats:
        """Votes as a dense matrix, shape (photos, raters), NaN where there is none; repeats are averaged."""
        total, count = np.zeros((self.photos, self.raters)), np.zeros((self.photos, self.raters))
        np.add.at(total, (self.photo, self.rater), self.value)
        np.add.at(count, (self.photo, self.rater), 1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def incidence(self, weights: Floats | None = None) -> sparse.csr_array:
        """Number of votes (or sum of a weight of each) by photo and rater, as a sparse matrix with sorted columns."""
        data = np.ones(len(self.value)) if weights is None else weights
        shape = (self.photos, self.raters)
        found = sparse.coo_array((data, (self.photo, self.rater)), shape).tocsr()
        found.sort_indices()
        return found

    def components(self) -> tuple[Ints, Ints]:
        """Connected parts of the graph of photos and raters: the part of each photo, and of each rater.

        Scores of two parts have no rater in common, directly or over others, and share no scale.
        """
        nodes = self.photos + self.raters
        edges = (np.ones(len(self.value)), (self.photo, self.photos + self.rater))
        graph = sparse.coo_array(edges, (nodes, nodes)).tocsr()
        _, label = connected_components(graph, directed=False)
        return np.asarray(label[: self.photos], np.int64), np.asarray(label[self.photos :], np.int64)

    def subset(self, mask: Flags) -> tuple[VoteSet, Ints, Ints]:
        """The votes of a mask, with the old indices of the photos and raters that are left."""
        photos, photo = np.unique(self.photo[mask], return_inverse=True)
        raters, rater = np.unique(self.rater[mask], return_inverse=True)
        return VoteSet(photo, rater, self.value[mask], len(photos), len(raters)), photos, raters


def coded(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """The distinct texts of a column in sorted order, and each row's index among them.

    Examples
    --------
    >>> ids, index = coded(pa.chunked_array([["b", "a"], ["b"]]))
    >>> ids.to_pylist(), index.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    order = np.asarray(pa.compute.sort_indices(encoded.dictionary), np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)), place[np.asarray(encoded.indices, np.int64)]
