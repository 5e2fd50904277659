"""Packaged borders: which ISO 3166 code holds where on land and near the coast."""
