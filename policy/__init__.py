"""What no stack of this platform may deploy: checks as pure functions, and a CrossGuard pack over them.

`network`, `cluster`, `data`, `identity` and `workload` hold the checks, `checks.ALL` every one of them.
"""
