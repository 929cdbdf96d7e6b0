"""The doubting path: from a claim to the one step that proves it wrong.

In the order of a dispute: `machine` (what is claimed, and what runs it), `watcher` (is it true?),
`solver` (how the truth plays) over `dissection` and `game` (what is played) and `rules` (what is
allowed), `agent` (plays it) through `ports` (what it needs of a chain). `alphabet` is the toy
machine; `replay`, `retries` and `events` serve watcher and agent; `errors` draws all errors.
"""
