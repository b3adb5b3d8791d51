"""JSON texts put together from pieces, each as often as it may cost something."""

from typing import Final

from hypothesis import strategies as st

_MAX_BYTES: Final = 4 * 2**20
_PIECES: Final = st.one_of(
    st.sampled_from(
        [
            b'"",',
            b'"a":1,',
            b"[],",
            b"{},",
            b"[",
            b'{"a":',
            b"0,",
            b"1e9,",
            b"null,",
            b'"\\u0041',
            b"\\\\",
            b'"AAAA",',
            b"A A ",
            b'"A\\nA",',
            b'{"b64":"AAAA"},',
            b" ",
            b"-",
            b'"data:image/png;base64,',
        ]
    ),
    st.binary(min_size=1, max_size=8),
)
_TIMES: Final = st.one_of(st.integers(1, 5), st.integers(1, 1000), st.integers(1, 2_000_000))
_RUNS: Final = st.lists(
    st.builds(lambda piece, times: piece * min(times, _MAX_BYTES // len(piece)), _PIECES, _TIMES),
    min_size=1,
    max_size=4,
).map(b"".join)
_OPENINGS: Final = st.sampled_from(
    [
        b'{"images":[',
        b'{"images":',
        b'{"instances":[',
        b'{"inputs":[',
        b"[",
        b"",
        b'{"parameters":{',
        b'{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,16,16,3],"data":[',
        b'{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":[',
        b'{"format_version":1,"labels":[',
    ]
)
_ENDS: Final = st.sampled_from([b"]}", b"]}]}", b"]", b"}", b'"]}', b""])

TEXTS: Final = st.builds(lambda start, runs, end: start + runs + end, _OPENINGS, _RUNS, _ENDS)
