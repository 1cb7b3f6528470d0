"""What no stack of this platform may deploy: checks as pure functions, and a CrossGuard pack over them.

Each module holds the checks of one concern, `checks.ALL` every one of them. A check decides by what a resource is,
never by its name, and leaves what a preview does not know yet to the deployment.
"""
