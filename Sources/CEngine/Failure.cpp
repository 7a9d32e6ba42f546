// Exceptions become one kept sentence a thread.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <string>

namespace {

thread_local std::string message;
thread_local ct_status status = CT_OK;

ct_status keep(ct_status kind, std::string text) noexcept {
    status = kind;
    message = std::move(text);
    return kind;
}

std::string first_line(const std::string &text) {
    return text.substr(0, text.find('\n'));
}

// The allocators report exhaustion, and sizes beyond any memory, as plain errors.
bool exhausts(const std::string &line) {
    for (const char *sign :
         {"not enough memory", "can't allocate memory", "Storage size calculation overflowed",
          "numel: integer multiplication overflow", "Stride calculation overflowed"}) {
        if (line.find(sign) != std::string::npos) return true;
    }
    return false;
}

}  // namespace

namespace ctorch {

ct_status keep_failure(const char *text) noexcept {
    return keep(CT_FAILED, text);
}

ct_status keep_failure() noexcept {
    try {
        throw;
    } catch (const c10::OutOfMemoryError &error) {
        return keep(CT_OUT_OF_MEMORY, first_line(error.what_without_backtrace()));
    } catch (const c10::Error &error) {
        std::string line = first_line(error.what_without_backtrace());
        return keep(exhausts(line) ? CT_OUT_OF_MEMORY : CT_FAILED, std::move(line));
    } catch (const std::bad_alloc &) {
        return keep(CT_OUT_OF_MEMORY, "out of memory");
    } catch (const std::length_error &error) {
        return keep(CT_OUT_OF_MEMORY, "out of memory: a list of impossible length in " + first_line(error.what()));
    } catch (const std::exception &error) {
        return keep(CT_FAILED, first_line(error.what()));
    } catch (...) {
        return keep(CT_FAILED, "an unknown C++ exception");
    }
}

}  // namespace ctorch

ct_status ct_error_status(void) { return status; }
const char *ct_error_message(void) { return message.c_str(); }
void ct_fail(ct_status kind, const char *text) { keep(kind, text); }

#endif
