// Exceptions become one kept sentence a thread.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <c10/util/Exception.h>

#include <new>
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
        // The CPU allocator reports exhaustion as a plain error.
        bool exhausted = line.find("not enough memory") != std::string::npos ||
                         line.find("can't allocate memory") != std::string::npos;
        return keep(exhausted ? CT_OUT_OF_MEMORY : CT_FAILED, std::move(line));
    } catch (const std::bad_alloc &) {
        return keep(CT_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception &error) {
        return keep(CT_FAILED, first_line(error.what()));
    } catch (...) {
        return keep(CT_FAILED, "an unknown C++ exception");
    }
}

}  // namespace ctorch

ct_status ct_error_status(void) { return status; }
const char *ct_error_message(void) { return message.c_str(); }

#endif
