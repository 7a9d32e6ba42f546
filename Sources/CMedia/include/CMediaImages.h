// Images by libvips and gzip by zlib, both opened at run time. The declarations of their functions are our own.
#ifndef CMEDIA_IMAGES_H
#define CMEDIA_IMAGES_H

#include <stddef.h>
#include <stdint.h>

/// The functions of libvips that are called, by their addresses.
typedef struct cm_vips {
    void *init, *concurrency_set, *block_untrusted_set, *cache_set_max, *version_string;
    void *image_new_from_buffer, *image_get_width, *image_get_height, *image_get_bands, *image_hasalpha;
    void *colourspace, *extract_band, *cast_uchar, *resize, *extract_area, *image_write_to_memory;
    void *error_buffer, *error_clear, *object_unref, *free_memory, *log_set_default_handler;
} cm_vips;

/// What became of an image.
typedef enum cm_picture_result {
    CM_PICTURE_DONE = 0,
    /// The bytes are no image, or a damaged one; the reason says which.
    CM_PICTURE_DAMAGED = 1,
    /// The image has more pixels than are allowed.
    CM_PICTURE_TOO_LARGE = 2,
} cm_picture_result;

/// A decoded image: `bands` is 1 or 3; the bytes lie row by row, the bands of a pixel next to each other.
typedef struct cm_picture {
    int width, height, bands;
    uint8_t *bytes;
} cm_picture;

/// Starts the library, with one thread of its own, no cache, and no decoder that is not meant for untrusted files; 0 if it
/// cannot be started. Call it once.
int cm_vips_start(const cm_vips *vips);

/// Decodes an image to 8 bits a channel.
///
/// With a width and a height the image is scaled so that it covers them, and its center cut out; with 0 it stays as it
/// is. An alpha channel is dropped. Call it from any thread.
cm_picture_result cm_vips_decode(const cm_vips *vips, const void *bytes, size_t count, int width, int height,
                                 double most_pixels, cm_picture *picture, char *reason, size_t capacity);

/// Frees the bytes of a picture.
void cm_vips_release(const cm_vips *vips, cm_picture *picture);

/// The functions of libvips that draw SVG, by their addresses.
typedef struct cm_vips_svg {
    void *operation_block_set, *svgload_buffer, *pngsave_buffer, *object_unref, *free_memory, *error_buffer, *error_clear;
} cm_vips_svg;

/// Draws an SVG file, whose origin is this program, and encodes it as PNG; NULL with the reason where it cannot. The library
/// must have been started; its reader of SVG is allowed for this one file. `cm_vips_free` frees the bytes.
uint8_t *cm_vips_draw(const cm_vips_svg *vips, const void *bytes, size_t count, double scale, size_t *size, char *reason,
                      size_t capacity);

/// Frees what `cm_vips_draw` returned.
void cm_vips_free(const cm_vips_svg *vips, uint8_t *bytes);

/// Inflates a gzip file by zlib's functions at the given addresses. Returns the number of bytes, at most `capacity`; -1 if
/// the file is damaged or longer.
ptrdiff_t cm_gunzip(void *inflate_init2, void *inflate, void *inflate_end, const uint8_t *bytes, size_t count,
                    uint8_t *output, size_t capacity);

#endif
