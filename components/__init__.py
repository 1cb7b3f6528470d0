"""Pulumi components, in folders by concern that import only what stands below: identity; network, cluster and account;
data and workload; observability.

A component is a class (`Component`) with a frozen args class: the component's section of the configuration
(`config.py` of its folder) as it is, and what others give it. It is given values and grants, never another component
to look into. Its docstring lists what it makes.
"""
