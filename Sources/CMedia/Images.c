#include <stdio.h>
#include <string.h>

#include "CMedia.h"

// libvips 8: the types of the functions that are called. Options are named, and end with NULL.
typedef struct VipsImage VipsImage;
typedef int (*vips_start)(const char *);
typedef void (*vips_set)(int);
typedef VipsImage *(*vips_read)(const void *, size_t, const char *, ...);
typedef int (*vips_number)(VipsImage *);
typedef int (*vips_convert)(VipsImage *, VipsImage **, int, ...);
typedef int (*vips_plain)(VipsImage *, VipsImage **, ...);
typedef int (*vips_scale)(VipsImage *, VipsImage **, double, ...);
typedef int (*vips_cut)(VipsImage *, VipsImage **, int, int, int, int, ...);
typedef void *(*vips_write)(VipsImage *, size_t *);
typedef const char *(*vips_text)(void);
typedef void (*vips_action)(void);
typedef void (*vips_release)(void *);
typedef void (*vips_log)(const char *, int, const char *, void *);

enum { INTERPRETATION_B_W = 1, INTERPRETATION_SRGB = 22, KERNEL_LINEAR = 1, FAIL_ON_TRUNCATED = 1 };

static void be_silent(const char *domain, int level, const char *message, void *data) {
    (void)domain, (void)level, (void)message, (void)data;
}

int cm_vips_start(const cm_vips *vips) {
    // Its warnings on damaged files go to standard error otherwise; what matters is in the error buffer.
    ((void *(*)(vips_log, void *))vips->log_set_default_handler)(be_silent, NULL);
    if (((vips_start)vips->init)("fisher") != 0) return 0;
    ((vips_set)vips->concurrency_set)(1);
    ((vips_set)vips->block_untrusted_set)(1);
    ((vips_set)vips->cache_set_max)(0);
    return 1;
}

// Takes the place of an image that is no longer needed.
static VipsImage *replace(const cm_vips *vips, VipsImage *old, VipsImage *new) {
    ((vips_release)vips->object_unref)(old);
    return new;
}

static int bands_of(const cm_vips *vips, VipsImage *image) { return ((vips_number)vips->image_get_bands)(image); }

// The image in 8 bits, with one channel or three.
static VipsImage *plain(const cm_vips *vips, VipsImage *image) {
    VipsImage *next = NULL;
    int has_alpha = ((vips_number)vips->image_hasalpha)(image);
    int space = bands_of(vips, image) - (has_alpha ? 1 : 0) == 1 ? INTERPRETATION_B_W : INTERPRETATION_SRGB;
    if (((vips_convert)vips->colourspace)(image, &next, space, NULL) != 0) return replace(vips, image, NULL);
    image = replace(vips, image, next);
    if (((vips_plain)vips->cast_uchar)(image, &next, NULL) != 0) return replace(vips, image, NULL);
    image = replace(vips, image, next);
    return image;
}

// The image without its alpha channel; transparent pixels keep the color that is stored.
static VipsImage *opaque(const cm_vips *vips, VipsImage *image) {
    if (!((vips_number)vips->image_hasalpha)(image)) return image;
    VipsImage *next = NULL;
    if (((vips_convert)vips->extract_band)(image, &next, 0, "n", bands_of(vips, image) - 1, NULL) != 0)
        return replace(vips, image, NULL);
    return replace(vips, image, next);
}

// The image scaled so that it covers width and height, and its center cut out.
static VipsImage *covering(const cm_vips *vips, VipsImage *image, int width, int height) {
    VipsImage *next = NULL;
    double across = (double)width / ((vips_number)vips->image_get_width)(image);
    double down = (double)height / ((vips_number)vips->image_get_height)(image);
    double scale = across > down ? across : down;
    if (scale != 1) {
        // No block of pixels is averaged before the filter ("gap"): the result is that of the filter alone.
        if (((vips_scale)vips->resize)(image, &next, scale, "kernel", KERNEL_LINEAR, "gap", 0.0, NULL) != 0)
            return replace(vips, image, NULL);
        image = replace(vips, image, next);
    }
    int left = (((vips_number)vips->image_get_width)(image) - width) / 2;
    int top = (((vips_number)vips->image_get_height)(image) - height) / 2;
    if (((vips_cut)vips->extract_area)(image, &next, left, top, width, height, NULL) != 0)
        return replace(vips, image, NULL);
    return replace(vips, image, next);
}

cm_picture_result cm_vips_decode(const cm_vips *vips, const void *bytes, size_t count, int width, int height,
                                 double most_pixels, cm_picture *picture, char *reason, size_t capacity) {
    picture->bytes = NULL;
    ((vips_action)vips->error_clear)();
    VipsImage *image =
        ((vips_read)vips->image_new_from_buffer)(bytes, count, "", "fail_on", FAIL_ON_TRUNCATED, NULL);
    if (image != NULL) {
        double pixels = (double)((vips_number)vips->image_get_width)(image) *
                        ((vips_number)vips->image_get_height)(image);
        if (pixels > most_pixels) {
            ((vips_release)vips->object_unref)(image);
            return CM_PICTURE_TOO_LARGE;
        }
        image = plain(vips, image);
    }
    if (image != NULL) image = opaque(vips, image);
    if (image != NULL && width > 0) image = covering(vips, image, width, height);
    if (image != NULL) {
        size_t size = 0;
        picture->width = ((vips_number)vips->image_get_width)(image);
        picture->height = ((vips_number)vips->image_get_height)(image);
        picture->bands = bands_of(vips, image);
        picture->bytes = ((vips_write)vips->image_write_to_memory)(image, &size);
        ((vips_release)vips->object_unref)(image);
        size_t expected = (size_t)picture->width * (size_t)picture->height * (size_t)picture->bands;
        if (picture->bytes != NULL && (picture->bands == 1 || picture->bands == 3) && size == expected)
            return CM_PICTURE_DONE;
        cm_vips_release(vips, picture);
    }
    const char *text = ((vips_text)vips->error_buffer)();
    size_t length = strcspn(text, "\n");
    snprintf(reason, capacity, "%.*s", (int)length, text);
    return CM_PICTURE_DAMAGED;
}

void cm_vips_release(const cm_vips *vips, cm_picture *picture) {
    if (picture->bytes != NULL) ((vips_release)vips->free_memory)(picture->bytes);
    picture->bytes = NULL;
}

typedef void (*vips_block)(const char *, int);
typedef int (*vips_load)(const void *, size_t, VipsImage **, ...);
typedef int (*vips_save)(VipsImage *, void **, size_t *, ...);

uint8_t *cm_vips_draw(const cm_vips_svg *vips, const void *bytes, size_t count, double scale, size_t *size, char *reason,
                      size_t capacity) {
    ((vips_action)vips->error_clear)();
    VipsImage *image = NULL;
    void *file = NULL;
    // libvips holds its reader of SVG for unfit for files of others; this one is our own.
    ((vips_block)vips->operation_block_set)("VipsForeignLoadSvg", 0);
    if (((vips_load)vips->svgload_buffer)(bytes, count, &image, "scale", scale, NULL) == 0) {
        if (((vips_save)vips->pngsave_buffer)(image, &file, size, NULL) != 0) file = NULL;
        ((vips_release)vips->object_unref)(image);
    }
    ((vips_block)vips->operation_block_set)("VipsForeignLoadSvg", 1);
    if (file == NULL) {
        const char *text = ((vips_text)vips->error_buffer)();
        size_t length = strcspn(text, "\n");
        snprintf(reason, capacity, "%.*s", (int)length, text);
    }
    return file;
}

void cm_vips_free(const cm_vips_svg *vips, uint8_t *bytes) { ((vips_release)vips->free_memory)(bytes); }

// zlib's stream, as its version 1 has it.
typedef struct z_stream {
    const uint8_t *next_in;
    unsigned avail_in;
    unsigned long total_in;
    uint8_t *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *msg;
    void *state, *zalloc, *zfree, *opaque;
    int data_type;
    unsigned long adler, reserved;
} z_stream;

ptrdiff_t cm_gunzip(void *inflate_init2, void *inflate, void *inflate_end, const uint8_t *bytes, size_t count,
                    uint8_t *output, size_t capacity) {
    enum { Z_OK = 0, Z_STREAM_END = 1, Z_NO_FLUSH = 0, GZIP = 15 + 16 };
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (((int (*)(z_stream *, int, const char *, int))inflate_init2)(&stream, GZIP, "1", (int)sizeof stream) != Z_OK)
        return -1;
    const size_t piece = 1u << 30;
    size_t read = 0, written = 0;
    int status = Z_OK;
    while (status == Z_OK) {
        size_t in = count - read < piece ? count - read : piece;
        size_t out = capacity - written < piece ? capacity - written : piece;
        stream.next_in = bytes + read;
        stream.avail_in = (unsigned)in;
        stream.next_out = output + written;
        stream.avail_out = (unsigned)out;
        // Z_BUF_ERROR, where nothing can be read or written any more, ends the loop.
        status = ((int (*)(z_stream *, int))inflate)(&stream, Z_NO_FLUSH);
        read += in - stream.avail_in;
        written += out - stream.avail_out;
    }
    ((int (*)(z_stream *))inflate_end)(&stream);
    return status == Z_STREAM_END && read == count ? (ptrdiff_t)written : -1;
}
