import CStart
import FisherFiles
import Foundation

extension FisherTool {
    /// Answers what the declarations of the commands answer by themselves: help, the version, scripts for shells. Everything
    /// else is given to the whole program, which this one starts in its place.
    ///
    /// `fisher` is linked without libtorch: what parsing and rendering call must not need it. `StartTests` holds all
    /// commands to that.
    static func answerWithoutEngine(_ words: [String]) -> Int32 {
        let text: (any Error)? = {
            do {
                var command = try parseAsRoot(joiningNegativeValues(words))
                // A command that is run would need libtorch; these two only throw their text.
                guard command is FisherTool || type(of: command)._commandName == "help" else { return nil }
                try command.run()
                return nil
            } catch {
                return exitCode(for: error).isSuccess ? error : nil
            }
        }()
        guard let text, StandardDescriptors.openClosed() else {
            cs_start_with_engine_from_now(CommandLine.unsafeArgv)
            return ExitStatus.internalError.rawValue
        }
        return finish(with: text)
    }
}
