// SPDX-License-Identifier: Apache-2.0
// Files that commands write.
#ifndef BH_CLI_OUTPUT_H
#define BH_CLI_OUTPUT_H

typedef enum output_kind {
    OUTPUT_MODEL,
    OUTPUT_CHECKPOINT,
    OUTPUT_TENSORS, // safetensors
    OUTPUT_PAGE,    // HTML
} output_kind;

// Whether a file of that name can be made or replaced as bh_file_replace does it, and
// is not there yet, empty or of this kind: anything else is somebody's data. Found out
// before the work begins. Complains and returns an exit status.
int output_check(const char *command, const char *path, output_kind kind);

#endif
