"""What stands in for what no package index has, and for AWS where its provider is not at hand."""
