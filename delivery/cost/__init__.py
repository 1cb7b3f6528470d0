"""Cost as code: what a stack costs a week, computed from its own resources."""
