import Fisher
import Foundation
import Testing

/// What the articles say is what the sources do: examples, tables of options, comments.
@Suite struct DocumentationTests {
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every file under a folder of the checkout whose name ends so.
    static func files(under folder: String, ending: String) -> [URL] {
        let root = checkout.appending(path: folder)
        let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
        return (all?.compactMap { $0 as? URL } ?? []).filter { $0.path.hasSuffix(ending) }
            .sorted { $0.path < $1.path }
    }

    static let articles = files(under: "Sources", ending: ".md") + [checkout.appending(path: "README.md")]

    /// The Swift examples of an article.
    static func examples(in article: URL) throws -> [String] {
        let text = try String(contentsOf: article, encoding: .utf8)
        return text.split(separator: "```swift\n", omittingEmptySubsequences: false).dropFirst().map {
            code(String($0.prefix(upTo: $0.range(of: "\n```")?.lowerBound ?? $0.endIndex)))
        }
    }

    /// A program without its imports and without white space, which the formatter moves about.
    static func code(_ text: String) -> String {
        text.split(separator: "\n").filter { !$0.hasPrefix("import ") }.joined().filter { !$0.isWhitespace }
    }

    @Test func theArticlesAreFound() throws {
        #expect(Self.articles.count >= 19)
        #expect(try Self.articles.map { try Self.examples(in: $0).count }.reduce(0, +) >= 31)
    }

    /// Each example stands in a file that the tests compile and run.
    @Test(arguments: articles)
    func examplesAreCompiled(_ article: URL) throws {
        let files =
            Self.files(under: "Tests", ending: "Snippets.swift")
            + Self.files(under: "Examples", ending: ".swift")
        let snippets = try files.map { Self.code(try String(contentsOf: $0, encoding: .utf8)) }
        for example in try Self.examples(in: article) where !example.hasPrefix(".package(") {
            #expect(snippets.contains { $0.contains(example) }, "\(example)")
        }
    }

    /// Each option of a rule has its row, with its name, aliases and default, in the article of the rule.
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name })
    func optionsAreInTheArticles(_ name: String) throws {
        func check<Rule: OptimizationRule>(_ rule: Rule) throws {
            let rows = try String(contentsOf: Self.article(of: Rule.summary), encoding: .utf8)
                .split(separator: "\n")
                .filter { $0.hasPrefix("| `") }
            for option in rule.options {
                let names = ([option.name] + option.declaration.aliases).map { "`\($0)`" }.joined(
                    separator: ", ")
                let row = rows.first { $0.contains(" | \(names) | ") }
                #expect(row?.contains("`\(option.text)`") == true, "\(name) \(option.name)")
            }
            #expect(rows.count == rule.options.count)
        }
        try check(try RuleRegistry.rule(named: name))
    }

    /// What a rule remembers of matrices and vectors is named in its article, and no more.
    @Test(arguments: RuleConformanceTests.names)
    func statesAreInTheArticles(_ name: String) throws {
        var rule = try RuleRegistry.rule(named: name)
        if name == "sgd" { try rule.set("momentum", to: "0.9") }
        let parameters = try RuleConformanceTests.parameters(.float32)
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, rule)])
        try optimizer.update(with: try RuleConformanceTests.gradients(parameters, scale: 1, seed: 1))
        let kept = Set(optimizer.state.keys.map { String($0.split(separator: "/").last ?? "") })
            .subtracting(["updates", "skipped", "skipped_in_a_row", "step"])

        let text = try String(contentsOf: Self.article(of: type(of: rule).summary), encoding: .utf8)
        let section = try #require(text.split(separator: "### State and cost\n").dropFirst().first)
            .split(separator: "\n###")[0]
        #expect(Set(section.matches(of: /`([a-z]+)`/).map { String($0.1) }) == kept)
    }

    /// The article that explains a rule.
    static func article(of rule: RuleSummary) -> URL {
        let title = ["AdamW": "Adam", "AdaFisherW": "AdaFisher"][rule.title] ?? rule.title
        return checkout.appending(path: "Sources/Fisher/Fisher.docc/\(title)Rule.md")
    }

    @Test func everyPublicSymbolHasAComment() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "symbols-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        func run(_ arguments: String...) throws -> (status: Int32, text: String) {
            let (process, pipe) = (Process(), Pipe())
            process.executableURL = Self.checkout.appending(path: "Scripts/\(arguments[0])")
            process.arguments = Array(arguments.dropFirst())
            (process.standardOutput, process.standardError) = (pipe, pipe)
            try process.run()
            let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }
        let graphs = try run("symbol-graphs", Self.products.path, folder.path)
        try #require(graphs.status == 0, "\(graphs.text)")
        let check = try run("check-documentation", folder.path)
        #expect(check.status == 0, "\(check.text)")
    }

    /// The folder in which this test was built.
    private static var products: URL {
        var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        while folder.path != "/",
            !FileManager.default.fileExists(atPath: folder.appending(path: "Modules").path)
        {
            folder.deleteLastPathComponent()
        }
        return folder
    }
    @Test func likelihoods() throws {
        let generator = try RandomGenerator(seed: 0)
        let (outputs, observed, v) = (Tensor.zeros([2, 3]), Tensor.ones([2, 3]), Tensor.ones([2, 3]))
        let likelihood = try Gaussian(mean: outputs, variance: 0.25)
        let losses = likelihood.perObservationNegativeLogLikelihood(of: observed)
        let labels = likelihood.sample(like: observed, using: generator)
        let product = likelihood.outputFisherProduct(v, observing: observed)
        let distance = likelihood.divergence(from: Gaussian(mean: outputs + 1))
        #expect(losses.shape == [2] && labels.shape == [2, 3])
        #expect(try product.scalars(as: Double.self) == [Double](repeating: 4, count: 6))
        // Six elements: ((0.25 + 1)/1 - 1 + log 4)/2 each.
        #expect(abs(try distance.item() - 3 * (0.25 + 2 * 0.6931471805599453)) < 1e-5)
    }
}
