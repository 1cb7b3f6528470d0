#!/usr/bin/env bash
# Takes a stack down, which is selected and named. Whoever starts this knows that nobody else is at work on it: GitHub by its concurrency
# group, AWS by the age of the lock.
set -euo pipefail
# A run that died leaves the state locked, and a stack that cannot be taken down costs.
pulumi cancel --yes || true
# What AWS still holds on to at the first try is let go at the second.
pulumi destroy --yes --skip-preview --non-interactive || pulumi destroy --yes --refresh --non-interactive
# What AWS and charts made beside the stack.
.venv/bin/python -m delivery.leftovers "$1" --delete
