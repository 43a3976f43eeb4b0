"""The contract: `scorer.proto`, its generated stubs and a client. Imports nothing of ours."""
