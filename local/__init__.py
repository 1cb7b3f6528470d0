"""The whole platform on this machine: the same declarations and settings as on AWS, each service a child process.

`plan` says what runs and with which environment, purely; `tools`, `apt`, `node` and `browser` find or fetch what is
missing; `supervisor` keeps the children alive; `stack` puts it together.
"""
