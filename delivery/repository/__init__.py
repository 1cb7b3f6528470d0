"""The settings of the repository on GitHub, as code: environments, rulesets, and what workflows may do."""
