import Foundation
import Fuzzing

// fuzz: gives changed inputs to every reader of the product, in processes of its own.
exit(FuzzCommand.main(Array(CommandLine.arguments.dropFirst())))
