import CStart
import FisherCommand
import Foundation

#if os(Linux)
    // libtorch is opened on demand.
    cs_wait_passively()
#endif
FisherTool.main()
// What was printed is flushed. Destructors of libtorch take a tenth of a second, and the system takes back what they would.
_exit(0)
