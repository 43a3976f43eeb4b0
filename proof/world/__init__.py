"""An invented weekly-box company: a world whose truth is known. Nothing in it is real.

`world` says who lives where and when, `market` and `climate` what is the same for all. `subscribers` are arrays of
people, `hazards` their chances of a week, `engine` lives that week, `chronicle` writes it down; `life` puts a chunk
together, `truth` lives on from any state many times. `dirt` sends what happened as badly as real senders do.
"""
