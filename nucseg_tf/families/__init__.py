"""Model families, a package each; `base` says what a family is, `registry.FAMILIES` names them."""
