"""The annotation loop with tools that exist: pictures out, labels back, how well annotators agree."""
