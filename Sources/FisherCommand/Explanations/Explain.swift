import ArgumentParser
import Fisher
import FisherTraining

/// `fisher explain`: what a rule, a key or another word of configurations means.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain a rule, a key, a task, an exit status or another word; without one, list all.",
        discussion: """
            Everything is told from the declarations of the program, those of registered rules and tasks too.

            fisher explain fadam
            fisher explain training.patience
            fisher explain exit-codes
            """)

    // A flag of another command is a topic too.
    @Argument(parsing: .allUnrecognized, help: ArgumentHelp("What to explain.", valueName: "topic"))
    var topics: [String] = []
    @Flag(help: "Print the article on every key, as Markdown.")
    var markdown = false

    private var topic: String? { topics.first }

    func validate() throws {
        guard topics.count < 2 else {
            throw ValidationError("\(topics[1]) is a second topic: name one.")
        }
        if markdown, topic != nil {
            throw ValidationError("--markdown prints every key: leave \(topic ?? "") out.")
        }
    }

    func run() throws {
        if markdown { return print(ExplainedKey.article, terminator: "") }
        guard let topic else { return print(Explanation.list) }
        print(try Explanation.all(of: topic).map(\.fitted).joined(separator: "\n\n"))
    }
}
