"""The whole platform on this machine: the same declarations and settings as on AWS, each service a child process.

`plan` says what runs and with which environment, purely; `process` keeps children alive; `infrastructure` holds what
stands for the cloud; `stack` puts it together.
"""
