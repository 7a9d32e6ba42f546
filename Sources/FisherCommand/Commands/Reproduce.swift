import ArgumentParser
import Fisher
import FisherClaims
import FisherReports
import FisherTraining
import Foundation

/// `fisher reproduce`: verdicts on the claims of the sources.
struct Reproduce: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce", abstract: "Decide claims of the sources by runs, and write a page on each.",
        discussion: """
            fisher reproduce list tells what is claimed where, what decides it, and what that costs. fisher reproduce NAME \
            decides a claim and fisher reproduce all every claim: it holds, it does not hold here, or it cannot be told at \
            this size.

            Trained runs are kept below the output folder and shared between claims; whatever was stopped goes on with the same \
            command.
            """,
        subcommands: [ReproduceRun.self, ReproduceList.self, ReproduceExponent.self],
        defaultSubcommand: ReproduceRun.self)
}

extension ClaimForm: ExpressibleByArgument {}

/// Where verdicts are kept, and how much is run for them.
struct ReproductionArguments: ParsableArguments {
    @Option(help: "short: small models; full: larger models and longer runs.")
    var form = ClaimForm.short
    @Option(name: .shortAndLong, help: "The folder of verdicts and runs.")
    var output = "runs/reproduce"
    @Option(
        help:
            "The number of seeds of statistical claims, ten unless named; with fewer than a claim needs nothing is decided."
    )
    var seeds: Int?

    func validate() throws {
        guard (1...1000).contains(seeds ?? 1) else {
            throw ValidationError("--seeds must lie between 1 and 1000, not \(seeds ?? 1).")
        }
    }

    /// The folder with its verdicts.
    var reproduction: Reproduction {
        Reproduction(path: output, form: form, seeds: seeds.map { Array(0..<UInt64($0)) })
    }

    /// The options that give these values again.
    var words: [String] {
        ["--form", form.rawValue, "--output", output] + (seeds.map { ["--seeds", "\($0)"] } ?? [])
    }
}

/// `fisher reproduce list`.
struct ReproduceList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the claims: the sentence, its place, what decides it, the cost.")

    @OptionGroup var arguments: ReproductionArguments
    @Flag(help: "Print JSON instead.")
    var json = false
    @Flag(help: "Planted claims too, whose truth is known and which check the machinery.")
    var planted = false

    /// A claim as JSON.
    private struct Row: Encodable {
        let name, sentence, document, place, rule: String
        let seeds: Int?
        let secondsShort, secondsFull: Double
        let verdict: String?
    }

    func run() throws {
        let claims = ClaimRegistry.claims + (planted ? ClaimRegistry.planted : [])
        let reproduction = arguments.reproduction
        let rows = try claims.map { claim in
            Row(
                name: claim.name, sentence: claim.sentence, document: claim.source.document.rawValue,
                place: claim.source.place, rule: claim.rule, seeds: claim.evidence.seeds,
                secondsShort: claim.cost.short, secondsFull: claim.cost.full,
                verdict: try reproduction.verdict(on: claim)?.finding.verdict.rawValue)
        }
        if json { return printJSON(StoredJSON.encode(rows)) }
        let text = NumberText.plain
        for row in rows {
            let needs = row.seeds.map { "at least \($0) seeds" } ?? "exact"
            let costs =
                "\(needs); short form \(text.duration(seconds: row.secondsShort)), full form "
                + "\(text.duration(seconds: row.secondsFull)) on one core"
            print(
                """
                \(row.name): \(row.verdict ?? "no verdict yet")
                \(indented(row.sentence))
                \(indented("(\(row.document), \(row.place))"))
                \(indented("Decided by: \(row.rule)"))
                \(indented(costs))

                """)
        }
        print("\(text.counted(rows.count, "claim"))")
    }

    private func indented(_ text: String) -> String {
        let width = ProgressOutput.standardOutput().tableWidth.map { $0 - 4 } ?? 96
        return DisplayWidth.wrapped(text, width: min(width, 96)).map { "    " + $0 }.joined(separator: "\n")
    }
}

/// `fisher reproduce NAME`.
struct ReproduceRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Decide claims by name, or all.",
        discussion: """
            One claim is decided by this process, whatever verdict it had before: only its runs are kept. Several are decided \
            by processes of their own, those that have a verdict left alone. A declared cost is in seconds on one core of an \
            ordinary server.
            """)

    @Argument(help: "Names of claims, or all.")
    var names: [String]
    @OptionGroup var arguments: ReproductionArguments
    @Option(help: "Processes at one time, each with one thread; by default as many as cores.")
    var jobs: Int?
    @Option(
        help:
            "Hours after which everything is stopped; a claim whose declared cost does not fit is not begun.")
    var within: Double?
    @Flag(help: "Decide again what has a verdict; runs are kept.")
    var again = false
    @Option(help: "A file for the table of all claims with their verdicts, as Markdown.")
    var write: String?
    @Flag(help: "Print the verdict on one claim as JSON.")
    var json = false

    func validate() throws {
        try requirePositive(["jobs": jobs ?? 1])
        if let within, !(within > 0 && within < 1e4) {
            throw ValidationError("--within must be a number of hours above 0, not \(within).")
        }
        if names.count > 1, names.contains("all") {
            throw ValidationError("all names every claim: leave the others out.")
        }
        if json, names.count != 1 || names == ["all"] {
            throw ValidationError("--json is for one claim: results.json in its folder has the others.")
        }
    }

    func run() throws {
        let claims = try chosen()
        if let write { try FileWriter.check(write) }
        Interruption.install()
        ParentProcess.stopWithParent()
        if names.count == 1, names != ["all"] { return try decide(claims[0]) }
        try decideAll(claims)
    }

    private func chosen() throws -> [Claim] {
        if names == ["all"] { return ClaimRegistry.claims }
        var found: [Claim] = []
        for name in names {
            guard let claim = ClaimRegistry.claim(named: name) else {
                throw UsageError(
                    description: unknownName(
                        name, called: "claim",
                        among: (ClaimRegistry.claims + ClaimRegistry.planted).map(\.name)))
            }
            if !found.contains(where: { $0.name == name }) { found.append(claim) }
        }
        return found
    }

    private func decide(_ claim: Claim) throws {
        // Verdicts do not depend on the machine's cores: sums of several threads round differently.
        Engine.threadCount = 1
        let progress = ProgressDisplay(runCount: 0)
        let command = ["fisher", "reproduce", claim.name] + arguments.words
        let document: ClaimDocument
        do {
            document = try arguments.reproduction.decide(claim, command: command, progress: progress)
            progress.finish()
        } catch let error as Interrupted {
            progress.finish()
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: "its runs are saved",
                command: Invocation.repeated())
        }
        if json { return printJSON(document.json()) }
        say(shown(document))
        say("report: \(URL(filePath: arguments.reproduction.files(of: claim).report).path)")
        if write != nil { try writeOverview([:]) }
    }

    private func decideAll(_ claims: [Claim]) throws {
        let reproduction = arguments.reproduction
        let open = try claims.filter { try again || reproduction.verdict(on: $0) == nil }
        if open.count < claims.count {
            say(
                "\(NumberText.plain.counted(claims.count - open.count, "claim")) decided before; --again decides anew"
            )
        }
        let processes = ClaimProcesses(
            reproduction, arguments: arguments.words,
            jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, deadline: within.map { $0 * 3600 })
        do {
            try processes.decide(open)
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: "verdicts and runs are saved",
                command: Invocation.repeated())
        }
        try writeOverview(processes.outcomes)
        let failures = processes.outcomes.compactMap { name, outcome in
            if case .failed(let status) = outcome { (name: name, status: status) } else { nil }
        }.sorted { $0.name < $1.name }
        if !failures.isEmpty { throw FailedClaims(failures: failures) }
    }

    /// Writes the page and, where it is wanted, the document on all claims.
    private func writeOverview(_ outcomes: [String: ClaimProcesses.Outcome]) throws {
        let reasons = outcomes.compactMapValues { outcome -> String? in
            switch outcome {
            case .decided: nil
            case .failed(let status): "It was not decided: its process failed with status \(status)."
            case .outOfTime: "It was not decided: it did not fit into the time that was given."
            }
        }
        var command = ["fisher", "reproduce", "all"]
        if arguments.form != .short { command += ["--form", arguments.form.rawValue] }
        if let within { command += ["--within", NumberText.short(within)] }
        if let write { command += ["--write", write] }
        let overview = try arguments.reproduction.overview(
            of: ClaimRegistry.claims, undecided: reasons,
            command: command.map(EnvironmentSummary.quoted).joined(separator: " "))
        let page = try arguments.reproduction.writeIndex(overview)
        if let write {
            try DurableStorage.replaceFile(at: write, with: Data(overview.markdown().utf8))
        }
        say(overview.sentence)
        say("page: \(URL(filePath: page).path)")
    }
}
