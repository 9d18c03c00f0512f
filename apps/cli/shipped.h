// SPDX-License-Identifier: Apache-2.0
// Files that come with the program: in the checkout, or where it was installed to.
#ifndef BH_CLI_SHIPPED_H
#define BH_CLI_SHIPPED_H

// Finds "models/..." or "mnist": under share/bayhenn, share, or directly in a folder at
// or above the current one or the program's own. A path to be freed, or NULL.
char *shipped_find(const char *relative);

#endif
