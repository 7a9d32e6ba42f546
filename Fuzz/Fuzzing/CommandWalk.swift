import FisherCommand
import Foundation

/// Runs command lines of `fisher` one after another in this process: hundreds of mistakes take seconds, where a process
/// each would take minutes.
///
/// The tests start it as a child, so that output, working folder and signals are its own. What a command line gave is
/// written at once: a command that ends the process leaves the answers of those before it.
package enum CommandWalk {
    /// What a command line gave, as a process of its own would.
    package struct Answer: Codable {
        /// The exit status.
        package let status: Int32
        /// What was written on standard output.
        package let output: String
        /// What was written on standard error.
        package let errors: String
    }

    /// Runs the command lines of a file, a JSON array of arrays of words, and writes a line of JSON for each.
    ///
    /// - Parameters:
    ///   - file: the command lines.
    ///   - answers: where the answers are written.
    static func run(_ file: String, answers: String) throws {
        let lines = try JSONDecoder().decode([[String]].self, from: Data(contentsOf: URL(filePath: file)))
        let folder = FileManager.default.currentDirectoryPath
        let output = try Capture(of: STDOUT_FILENO, path: answers + ".output")
        let errors = try Capture(of: STDERR_FILENO, path: answers + ".errors")
        try Data().write(to: URL(filePath: answers))
        let written = try FileHandle(forWritingTo: URL(filePath: answers))
        for words in lines {
            _ = FileManager.default.changeCurrentDirectoryPath(folder)
            let status = FisherTool.run(words)
            fflush(nil)
            let answer = Answer(status: status, output: try output.take(), errors: try errors.take())
            try written.write(contentsOf: JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }

    /// A descriptor of this process that leads to a file.
    private struct Capture {
        let descriptor: CInt

        init(of descriptor: CInt, path: String) throws {
            self.descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0o600)
            guard self.descriptor >= 0, dup2(self.descriptor, descriptor) == descriptor else {
                throw FuzzFailure("\(path) cannot be opened")
            }
        }

        /// What was written since the last call.
        func take() throws -> String {
            let file = FileHandle(fileDescriptor: descriptor)
            try file.seek(toOffset: 0)
            let bytes = try file.readToEnd() ?? Data()
            ftruncate(descriptor, 0)
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
