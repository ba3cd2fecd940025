"""Types of other libraries for pipelines and layers; each module here is the only importer of its library."""
