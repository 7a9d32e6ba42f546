import Fisher
import Foundation
import Testing

/// `fisher explain`: everything that a configuration can name, told from the declarations.
@Suite struct ExplainTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

    /// The article on every key is what the program prints: fisher explain --markdown > EveryKey.md
    @Test func theArticleOnEveryKeyIsTheProgramsOwn() throws {
        let run = try CommandTests.fisher("explain", "--markdown")
        #expect(run.status == 0, "\(run.errors)")
        let path = Self.sources.appending(path: "FisherCommand/FisherCommand.docc/EveryKey.md")
        #expect(try String(contentsOf: path, encoding: .utf8) == run.output)
        // Where a value may be none, the key says what that means.
        for line in run.output.split(separator: "\n") where line.contains("number or none") {
            #expect(line.contains("none:"), "\(line)")
        }
    }

    @Test(arguments: [
        (
            "training.patience",
            ["0: never", "a whole number", "default 0", "--patience of fisher train", "resumed"]
        ),
        ("patience", ["training.patience"]),
        ("--patience", ["training.patience"]),
        ("optimizer.beta2", ["0.999", "fadam", "--set beta2=VALUE"]),
        ("data.batch", ["windows in a step", "images in a step", "language"]),
        ("optimizer.schedule", ["one of constant, cosine"]),
        ("exit-codes", ["66  input missing", "75  interrupted"]),
        ("exit_codes", ["64  usage"]),
        ("digits", ["1,797", "autoencoder", "model.network"]),
        ("cosine", ["cosine(peak=0.002, steps=400", "half a cosine"]),
        ("schedules", ["warm_up_stable_decay(", "sequence("]),
        ("likelihoods", ["categorical\n", "two_hot\n"]),
        ("sampled", ["by draws of labels"]),
        ("low_rank", ["leading eigenpairs"]),
        ("rules", ["    kfac", "    ivon"]),
        ("keys", ["checkpoints.every", "data.text"]),
    ])
    func aTopicIsExplained(_ topic: String, _ parts: [String]) throws {
        let run = try CommandTests.fisher("explain", topic)
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        for part in parts { #expect(run.output.contains(part), "\(part) is not in\n\(run.output)") }
    }

    /// Without a topic all are listed, each rule and task among them.
    @Test func allTopicsAreListed() throws {
        let list = try CommandTests.fisher("explain").output
        // Other tests register rules of their own in this process.
        for rule in RuleRegistry.rules where String(reflecting: rule).hasPrefix("Fisher.") {
            #expect(list.contains(rule.summary.name))
        }
        for word in ["exit-codes", "training.patience", "language", "gauss_newton", "diagonal_kronecker"] {
            #expect(list.contains(word))
        }
    }

    /// What is said of a rule is what its article says: Scripts/rule-articles takes it from there.
    @Test func everyRuleIsExplainedInItsArticlesWords() throws {
        let folder = Self.sources.appending(path: "Fisher/Fisher.docc")
        let taken = try String(
            contentsOf: Self.sources.appending(path: "FisherCommand/Explanations/RuleArticles.swift"),
            encoding: .utf8)
        // A test registers rules of its own, which have no article.
        let rules = RuleRegistry.rules.map { $0.summary }.filter {
            taken.contains("\"\($0.name)\": RuleArticle(")
        }
        #expect(rules.count == 31)
        for rule in rules {
            let entry = try #require(taken.range(of: "\"\(rule.name)\": RuleArticle("))
            let block = taken[entry.upperBound...].prefix { _ in true }
            let name = try #require(
                block.split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false).dropFirst().first
            )
            let article = try String(contentsOf: folder.appending(path: "\(name).md"), encoding: .utf8)
            #expect(article.contains("`\(rule.name)`"))
            let equations = article.split(separator: "## Overview", maxSplits: 1)[1]
                .split(separator: "\n", omittingEmptySubsequences: false)
                .drop { !$0.hasPrefix("    ") }.prefix { $0.hasPrefix("    ") || $0.isEmpty }
                .filter { !$0.isEmpty }
            #expect(!equations.isEmpty)
            for line in equations {
                let text = line.trimmingCharacters(in: .whitespaces)
                #expect(block.prefix(6000).contains(text), "\(rule.name): \(text)")
            }
            let lead = article.split(separator: "\n")[1].replacing("`", with: "")
            #expect(block.prefix(6000).contains(lead), "\(rule.name): \(lead)")
        }
    }
}
