// SPDX-License-Identifier: Apache-2.0
// A small image as lines of text, two pixel rows a line.
#ifndef BH_CLI_PICTURE_H
#define BH_CLI_PICTURE_H

#include "model/graph.h"
#include "ui.h"

#define PICTURE_SIDE_MAX  28
#define PICTURE_LINES_MAX (PICTURE_SIDE_MAX / 2)
#define PICTURE_LINE_MAX  (PICTURE_SIDE_MAX * 40 + 8)

typedef struct picture {
    int lines, columns;
    char text[PICTURE_LINES_MAX][PICTURE_LINE_MAX];
} picture;

// The luma of the image without its empty margin, at least 20 pixels a side and halved
// until at most 28.
void picture_draw(picture *p, const ui *u, const uint8_t *pixels, bh_shape shape);

#endif
