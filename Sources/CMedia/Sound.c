#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CMedia.h"

// The parts of libsndfile's interface that are used, as its documentation describes them.
typedef int64_t sf_count_t;
typedef struct {
    sf_count_t frames;
    int samplerate;
    int channels;
    int format;
    int sections;
    int seekable;
} SF_INFO;
typedef struct {
    sf_count_t (*get_filelen)(void *);
    sf_count_t (*seek)(sf_count_t, int, void *);
    sf_count_t (*read)(void *, sf_count_t, void *);
    sf_count_t (*write)(const void *, sf_count_t, void *);
    sf_count_t (*tell)(void *);
} SF_VIRTUAL_IO;
enum { SFM_READ = 0x10, SF_FORMAT_TYPEMASK = 0x0FFF0000, SF_FORMAT_MPEG = 0x230000 };

typedef void *(*open_virtual_function)(SF_VIRTUAL_IO *, int, SF_INFO *, void *);
typedef sf_count_t (*read_float_function)(void *, float *, sf_count_t);
typedef int (*close_function)(void *);
typedef const char *(*error_text_function)(void *);

/// A file in memory.
typedef struct {
    const unsigned char *bytes;
    sf_count_t count, position;
} memory_file;

static sf_count_t memory_length(void *context) { return ((memory_file *)context)->count; }

static sf_count_t memory_seek(sf_count_t offset, int whence, void *context) {
    memory_file *file = context;
    sf_count_t start = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->position : file->count;
    sf_count_t target;
    if (__builtin_add_overflow(start, offset, &target) || target < 0 || target > file->count) return -1;
    return file->position = target;
}

static sf_count_t memory_read(void *buffer, sf_count_t count, void *context) {
    memory_file *file = context;
    sf_count_t rest = file->count - file->position;
    if (count > rest) count = rest;
    if (count <= 0) return 0;
    memcpy(buffer, file->bytes + file->position, (size_t)count);
    file->position += count;
    return count;
}

static sf_count_t memory_write(const void *buffer, sf_count_t count, void *context) {
    (void)buffer, (void)count, (void)context;
    return 0;
}

static sf_count_t memory_tell(void *context) { return ((memory_file *)context)->position; }

/// Reads to the end, into memory that doubles: what a header announces is not trusted.
static int read_all(read_float_function read, void *handle, int64_t most, cm_sound *sound) {
    int64_t capacity = 1 << 14;
    while (true) {
        if (capacity > most / sound->channels + 1) capacity = most / sound->channels + 1;
        float *larger = realloc(sound->samples, (size_t)(capacity * sound->channels) * sizeof(float));
        if (larger == NULL) return 2;
        sound->samples = larger;
        while (sound->frames < capacity) {
            sf_count_t got =
                read(handle, sound->samples + sound->frames * sound->channels, capacity - sound->frames);
            if (got <= 0) return 0;
            sound->frames += got;
        }
        if (sound->frames * sound->channels > most) return 3;
        capacity *= 2;
    }
}

int cm_sound_decode(
    const cm_sound_functions *functions, const void *bytes, int64_t count, int64_t most, cm_sound *sound,
    char *reason, size_t capacity) {
    memory_file file = {bytes, count, 0};
    SF_VIRTUAL_IO access = {memory_length, memory_seek, memory_read, memory_write, memory_tell};
    SF_INFO information = {0};
    memset(sound, 0, sizeof *sound);
    void *handle =
        ((open_virtual_function)functions->open_virtual)(&access, SFM_READ, &information, &file);
    if (handle == NULL || information.channels <= 0 || information.samplerate <= 0) {
        const char *text = handle == NULL ? ((error_text_function)functions->error_text)(NULL) : NULL;
        snprintf(reason, capacity, "%s", text != NULL ? text : "it has no channels");
        if (handle != NULL) ((close_function)functions->close)(handle);
        return 1;
    }
    sound->rate = information.samplerate;
    sound->channels = information.channels;
    // The length of an MP3 is an estimate; that of a stream is the largest number.
    bool is_exact =
        (information.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_MPEG && information.frames < INT64_MAX / 2;
    sound->announced = is_exact ? information.frames : -1;
    int status = read_all((read_float_function)functions->read_float, handle, most, sound);
    ((close_function)functions->close)(handle);
    if (status != 0) {
        free(sound->samples);
        sound->samples = NULL;
    }
    return status;
}

const char *cm_text(void *function) { return ((const char *(*)(void))function)(); }

void cm_free(void *memory) { free(memory); }
