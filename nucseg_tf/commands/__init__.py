"""The commands of `nucseg`, a file each; `table` names them."""
