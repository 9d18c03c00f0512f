// SPDX-License-Identifier: Apache-2.0
// Whether what training makes can be written, found out before it is made.
#ifndef BH_CLI_TRAIN_PLACE_H
#define BH_CLI_TRAIN_PLACE_H

#include <stdint.h>

// Whether a file of that name can be made or replaced, as bh_file_replace does it.
// Complains and returns an exit status.
int train_place_check(const char *path);
// Whether its folder has room for so many bytes.
int train_place_check_room(const char *path, uint64_t needed);

#endif
