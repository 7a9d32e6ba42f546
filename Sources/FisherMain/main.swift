import FisherCommand
import Foundation

FisherTool.main()
// What was printed is flushed. Destructors of libtorch take a tenth of a second, and the system takes back what they would.
_exit(0)
