// SPDX-License-Identifier: Apache-2.0
// Whether what training makes can be written, found out before it is made.
#ifndef BH_CLI_TRAIN_PLACE_H
#define BH_CLI_TRAIN_PLACE_H

#include <stdint.h>

// Whether the folder of that file has room for so many bytes. Complains and returns an
// exit status.
int train_place_check_room(const char *path, uint64_t needed);

#endif
