import ArgumentParser
import Fisher
import FisherMedia
import FisherReports
import FisherStudies
import FisherTraining
import Foundation

/// Figures and the table of a study for a paper.
struct FigureArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write a figure for a paper: FILE.svg, FILE.pdf or FILE.png, a column (3.3 inches) wide. PNG needs libvips.",
            valueName: "file"))
    var figure: String?
    @Option(
        help: ArgumentHelp(
            "Which figure; all: each into a file of its own, FILE-NAME.pdf. By default the main one. compare, ablate and "
                + "report: \(FigureArguments.list(OptimizerComparison.figureNames)); hierarchy: "
                + "\(FigureArguments.list(HierarchyComparison.figureNames)); landscape: "
                + "\(FigureArguments.list(LandscapeStudy.figureNames)); continual: "
                + "\(FigureArguments.list(ContinualComparison.figureNames)); inspect: least, and of each layer, counted from 0, "
                + "block-0 and layer-0; a single run: losses in place of steps and training.",
            valueName: "name"))
    var figureName: String?
    @Option(
        help: ArgumentHelp(
            "Write the table as LaTeX with booktabs' rules, to be read by \\input.", valueName: "file"))
    var latex: String?

    private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }

    /// What a figure's file is written as.
    private enum Format: String, CaseIterable { case svg, pdf, png }

    private var format: Format? {
        figure.flatMap { Format(rawValue: URL(filePath: $0).pathExtension.lowercased()) }
    }

    func validate() throws {
        if let figure, format == nil {
            throw ValidationError("--figure \(figure) must end in .svg, .pdf or .png.")
        }
        if figure == nil, figureName != nil {
            throw ValidationError(
                "--figure-name names a figure for --figure, which is missing: add --figure FILE.pdf.")
        }
    }

    /// Throws for files that cannot be written, an unknown figure and a library that is missing, before any work is done.
    ///
    /// - Parameters:
    ///   - names: the figures that there can be; nil where they depend on the results.
    ///   - page: the option and the path of the page that is written too.
    func check(names: [String]? = nil, page: (option: String, path: String?)? = nil) throws {
        if let figure { try FileWriter.check(figure) }
        if let latex { try WrittenDocument.table.check(latex, option: "--latex") }
        if let page, let path = page.path { try WrittenDocument.page.check(path, option: page.option) }
        var outputs = ["--figure": figure, "--latex": latex]
        if let page { outputs[page.option] = page.path }
        try requireApart(outputs, from: [:])
        if let names { try check(among: names) }
        if format == .png { try VectorRenderer.check() }
    }

    /// Throws if the figure that was asked for is none of these, before anything is written.
    func check(among names: [String]) throws {
        guard let figure else { return }
        if names.isEmpty { throw Self.nothing(figure) }
        guard let figureName, figureName != "all", !names.contains(figureName) else { return }
        throw UsageError(
            description: "--figure-name " + unknownName(figureName, called: "figure", among: names + ["all"]))
    }

    /// Writes what was asked for, and prints where it is.
    ///
    /// - Parameters:
    ///   - study: what is drawn.
    ///   - part: what the files' names have before their ending, where one command makes several studies.
    ///   - isQuiet: whether nothing is printed.
    func write(_ study: some ReportedStudy, part: String? = nil, quietly isQuiet: Bool = false) throws {
        var arguments = self
        arguments.figure = figure.map { Self.path($0, part) }
        arguments.latex = latex.map { Self.path($0, part) }
        try arguments.write(
            figures: figure == nil ? [] : study.figures, table: study.overview, quietly: isQuiet)
    }

    private static func path(_ path: String, _ part: String?) -> String {
        guard let part else { return path }
        let ending = URL(filePath: path).pathExtension
        return ending.isEmpty ? "\(path)-\(part)" : "\(path.dropLast(ending.count + 1))-\(part).\(ending)"
    }

    /// Writes what was asked for of some figures and a table.
    func write(figures: [StudyFigure], table: StudyTable, quietly isQuiet: Bool = false) throws {
        var written: [String] = []
        if let latex {
            try StudyFiles.replaceFile(at: latex, with: Data(table.latex().utf8))
            written.append(latex)
        }
        if let figure, let format {
            for (path, found) in try chosen(figures, figure) {
                try StudyFiles.replaceFile(at: path, with: try contents(found, format))
                written.append(path)
            }
        }
        if !isQuiet { for path in written { say("written: \(URL(filePath: path).path)") } }
    }

    private static func nothing(_ path: String) -> UsageError {
        UsageError(description: "--figure \(path): there is nothing to draw, as no run has a result")
    }

    /// The figures with their paths.
    private func chosen(_ figures: [StudyFigure], _ path: String) throws -> [(String, StudyFigure)] {
        guard let first = figures.first else { throw Self.nothing(path) }
        guard let figureName else { return [(path, first)] }
        if figureName == "all" {
            return figures.map { (Self.path(path, $0.name), $0) }
        }
        guard let found = figures.first(where: { $0.name == figureName }) else {
            throw UsageError(
                description: "--figure-name \(figureName): these results have no such figure; they have "
                    + figures.map(\.name).joined(separator: ", "))
        }
        return [(path, found)]
    }

    private func contents(_ figure: StudyFigure, _ format: Format) throws -> Data {
        switch format {
        case .svg: figure.svg()
        case .pdf: figure.pdf()
        case .png:
            StudyFigure.sized(
                png: try VectorRenderer.png(
                    ofSVG: [UInt8](figure.svg(isOpaque: true)), scale: Self.pixelScale))
        }
    }

    /// libvips draws a point, 1/72 inch, as a pixel.
    private static let pixelScale = StudyFigure.pixelsAnInch / 72
}
