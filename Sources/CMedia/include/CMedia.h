// Libraries for sound and images that are opened at run time: nothing here is linked, and nothing has to be installed
// to build the package.
#ifndef CMEDIA_H
#define CMEDIA_H

#include <stddef.h>
#include <stdint.h>

#include "CMediaImages.h"

/// Opens a shared library by path or name; NULL, and a reason in `reason`, if it cannot be opened.
void *cm_open(const char *path, char *reason, size_t capacity);

/// The address of a library's symbol; NULL if it has none.
void *cm_symbol(void *library, const char *name);

/// The addresses of the functions of libsndfile that are used.
typedef struct {
    /// `sf_open_virtual`
    void *open_virtual;
    /// `sf_readf_float`
    void *read_float;
    /// `sf_close`
    void *close;
    /// `sf_strerror`
    void *error_text;
} cm_sound_functions;

/// A decoded sound.
typedef struct {
    /// The samples of all channels, frame by frame; for `cm_free`.
    float *samples;
    /// The frames that were decoded.
    int64_t frames;
    /// The frames that the file announces; negative where that is no exact number.
    int64_t announced;
    int32_t rate;
    int32_t channels;
} cm_sound;

/// Decodes the bytes of a sound file, of which at most `most` samples are accepted.
///
/// Returns 0, or 1 with a reason where the bytes are no sound that the library knows, 2 where memory is exhausted, 3 where
/// there are more samples. Not to be called by two threads at once: the library keeps the reason in one place.
int cm_sound_decode(
    const cm_sound_functions *functions, const void *bytes, int64_t count, int64_t most, cm_sound *sound,
    char *reason, size_t capacity);

/// Calls a function without arguments that returns a text, such as a library's version.
const char *cm_text(void *function);

/// Frees what a function of this module allocated.
void cm_free(void *memory);

#endif
