import FisherInformation
import Foundation
import Testing

@testable import FisherReports
@testable import FisherStudies

@Suite("Figures for papers")
struct StudyFigureTests {
    private static var comparison: OptimizerComparison {
        var result = ComparisonFixture.three
        result.tuning = [RateFixture.record]
        for entry in result.entries.indices {
            for run in result.entries[entry].runs.indices {
                for point in result.entries[entry].runs[run].curve.indices where point > 0 {
                    result.entries[entry].runs[run].curve[point].measure = StepMeasure(
                        updateToWeight: 1e-3 / Double(point), gradientNorm: 3 / Double(point),
                        learningRate: 1e-3 * Double(11 - point), clipFactor: 1, decayShare: 0.02)
                    result.entries[entry].runs[run].curve[point].measures = [
                        "accuracy": 50 + 4 * Double(point)
                    ]
                }
                result.entries[entry].runs[run].information = [0, 50, 100].map {
                    InformationMoment(
                        step: $0, trace: 2 + Double($0), traces: ["a": 2], topEigenvalue: 1,
                        effectiveRank: 1.5,
                        histogram: [-4: 0.5, -3: 0.25], unreached: 0.25)
                }
            }
        }
        return result
    }

    /// A figure of every kind.
    private static var figures: [any Figure] {
        let hierarchy = HierarchyDocumentTests.study([0, 1, 2]) { seed, level in
            0.3 * Double(level + 1) - 0.1 * Double(seed)
        }
        let run = comparison.entries[0].runs[0]
        // Losses that need many letters on the axis, rates as long, and names that leave no room beside their numbers.
        var lengthy = comparison
        for entry in lengthy.entries.indices {
            lengthy.entries[entry].label += " with a gradient clipped at 1"
            for run in lengthy.entries[entry].runs.indices {
                for point in lengthy.entries[entry].runs[run].curve.indices {
                    let loss = lengthy.entries[entry].runs[run].curve[point].validationLoss
                    lengthy.entries[entry].runs[run].curve[point].validationLoss = loss.map { $0 * 4e4 }
                    lengthy.entries[entry].runs[run].curve[point].measure?.learningRate = 2e-4 * Double(point)
                }
            }
        }
        return ComparisonReport(lengthy).figures.map(\.figure)
            + ComparisonReport(comparison).figures.map(\.figure)
            + HierarchyReport(study: hierarchy).figures.map(\.figure)
            + [LineChart(losses: run, unit: "byte")].compactMap { $0 }
    }

    @Test("All names of a comparison's figures are known, and each of them can be drawn")
    func names() {
        let found = Self.comparison.figures.map(\.name)
        #expect(Set(found).isSubset(of: OptimizerComparison.figureNames))
        #expect(Set(found) == Set(OptimizerComparison.figureNames))
        #expect(found.first == "steps")
        let hierarchy = HierarchyDocumentTests.study([0, 1]) { _, level in 0.3 * Double(level + 1) }
        #expect(hierarchy.figures.map(\.name) == HierarchyComparison.figureNames)
    }

    @Test("No text lies outside its drawing or over another one, on wide pages, narrow ones and paper")
    func placement() {
        for figure in Self.figures {
            for layout in ChartLayout.all {
                let drawing = Drawing(
                    figure.content(in: layout, id: "x"), width: layout.width,
                    height: figure.height(in: layout))
                let words = drawing.items.compactMap { if case .words(let words) = $0 { words } else { nil } }
                #expect(!words.isEmpty)
                for word in words {
                    // Browsers have fonts that are a sixth wider.
                    let more = (word.extent.upperBound - word.extent.lowerBound) / 6
                    let left = word.extent.lowerBound - (word.anchor == .end ? more : 0)
                    let right = word.extent.upperBound + (word.anchor == .start ? more : 0)
                    #expect(
                        left >= -1 && right <= layout.width + 1,
                        "\(figure.title), \(layout.name): \(word.text) at \(word.extent)")
                    #expect(
                        word.y >= 8 && word.y <= drawing.height + 1,
                        "\(figure.title): \(word.text) at \(word.y)")
                }
                for (place, word) in words.enumerated() {
                    for other in words[(place + 1)...] where abs(word.y - other.y) < 9 {
                        #expect(
                            !word.extent.overlaps(other.extent) || word == other,
                            "\(figure.title), \(layout.name): \(word.text) over \(other.text)")
                    }
                }
            }
        }
        // A narrow page is 340 pixels wide at least, where 13 of the layout's units are more than 12 pixels.
        #expect(Helvetica.figureSize * 340 / ChartLayout.narrow.width > 12)
        #expect((7.9...9).contains(Helvetica.figureSize * StudyFigure.columnWidth / ChartLayout.narrow.width))
    }

    @Test("SVG stands alone: no class, no variable, every element closed, every number finite")
    func svg() throws {
        for figure in Self.comparison.figures {
            let source = String(decoding: figure.svg(), as: UTF8.self)
            #expect(source.hasPrefix("<?xml") && source.contains("width=\"237.6pt\""))
            for outside in ["class=", "var(", "<style", "<script", "http://www.w3.org/1999", "NaN", "inf\""] {
                #expect(!source.contains(outside), "\(figure.name): \(outside)")
            }
            var open: [Substring] = []
            for match in source.matches(of: /<(\/?)([a-zA-Z]+)((?:\s[^<>]*)?)>/) {
                if match.1.isEmpty { open.append(match.2) } else { #expect(open.popLast() == match.2) }
            }
            #expect(open.isEmpty)
            for reference in source.matches(of: /url\(\#([^)]+)\)/) {
                #expect(source.contains("id=\"\(reference.1)\""))
            }
        }
        let main = try #require(Self.comparison.figures.first)
        // White paper reaches beyond the drawing, whose last row of pixels is seldom a whole one.
        let paper = try #require(
            String(decoding: main.svg(isOpaque: true), as: UTF8.self).firstMatch(
                of: /<rect [^>]*fill="#ffffff"[^>]*>/))
        for side in ["x=\"-1%\"", "y=\"-1%\"", "width=\"102%\"", "height=\"102%\""] {
            #expect(paper.output.contains(side))
        }
        #expect(main.svg() == main.svg())
    }

    @Test("PDF: every object lies where the table says, every stream is as long as it says")
    func pdf() throws {
        for figure in Self.comparison.figures {
            let bytes = [UInt8](figure.pdf())
            let source = String(decoding: bytes, as: Unicode.ASCII.self)
            #expect(source.hasPrefix("%PDF-1.4\n") && source.hasSuffix("%%EOF\n"))
            let table = try #require(source.firstMatch(of: /startxref\n(\d+)\n/).flatMap { Int($0.1) })
            #expect(Array(bytes[table..<table + 4]) == Array("xref".utf8))
            let entries = source.matches(of: /(\d{10}) 00000 n/).compactMap { Int($0.1) }
            #expect(entries.count == 8)
            for (number, place) in entries.enumerated() {
                #expect(Array(bytes[place...]).starts(with: Array("\(number + 1) 0 obj".utf8)))
            }
            let length = try #require(source.firstMatch(of: /\/Length (\d+)/).flatMap { Int($0.1) })
            let start = try #require(source.firstRange(of: "stream\n")).upperBound
            let end = try #require(source.firstRange(of: "\nendstream")).lowerBound
            #expect(source.distance(from: start, to: end) == length)
            let content = source[start..<end]
            // States are saved as often as restored, and numbers have no exponents, which PDF does not know.
            let words = content.split { $0 == " " || $0 == "\n" }
            #expect(words.count { $0 == "q" } == words.count { $0 == "Q" })
            #expect(!content.contains("nan") && !content.contains("inf") && content.contains(" Tj"))
            #expect(content.firstMatch(of: /[0-9]e[-+]?[0-9]/) == nil)
            #expect(figure.pdf() == figure.pdf())
        }
        #expect(Helvetica.glyph("\u{2212}", isBold: false).face == .symbol)
        // Adobe's metrics: H 722, e 556, l 222, o 556.
        #expect(abs(Helvetica.width(of: "Hello", size: 10) - 22.78) < 1e-9)
    }

    @Test("A half circle is drawn by curves through its top; relative commands count on")
    func paths() {
        let circle = PathReader.segments(of: "M0 5a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z")
        #expect(circle.count == 6)
        guard case .curve(_, _, _, _, let x, let y) = circle[1] else { Issue.record("no curve"); return }
        #expect(abs(x - 5) < 1e-9 && abs(abs(y - 5) - 5) < 1e-9)
        #expect(
            PathReader.segments(of: "M1 2h3v-4l-1.5 2Z")
                == [.move(1, 2), .line(4, 2), .line(4, -2), .line(2.5, 0), .close])
        #expect(PathReader.segments(of: "M1-2L3 4") == [.move(1, -2), .line(3, 4)])
    }

    @Test("The sensitivity to the learning rate: means with all seeds, divergence, the choice")
    func rates() throws {
        let trials = try #require(RateTrials.tuned(Self.comparison).first)
        #expect(trials.points.map(\.rate) == [1e-4, 1e-3, 1e-2, 1e-1, 1])
        #expect(trials.points.map { $0.losses == nil } == [false, false, false, false, true])
        #expect(trials.chosen == 1e-2 && !trials.hasOtherOptions)
        let (chart, note) = try #require(SeriesChart.rates(Self.comparison))
        #expect(note.contains("diverged") && note.contains("ring"))
        let drawn = chart.content(in: .wide, id: "x").map(\.rendered).joined()
        #expect(drawn.contains("class=\"chosen\"") && drawn.contains("class=\"ending\""))
        // Without a tuning, optimizers that differ in the rate alone are a line.
        var swept = ComparisonFixture.result([
            ComparisonFixture.entry("a", [2.3, 2.4]), ComparisonFixture.entry("b", [2.2, 2.1]),
        ])
        for (index, rate) in ["1e-3", "cosine(peak=0.01, steps=60, warm_up=0, floor=0.0)"].enumerated() {
            swept.entries[index].rule = "sgd"
            swept.entries[index].options = [Setting("learning_rate", rate), Setting("beta1", "0.9")]
        }
        #expect(RateTrials.compared(swept).first?.points.map(\.rate) == [1e-3, 1e-2])
        swept.entries[1].options[1] = Setting("beta1", "0.8")
        #expect(SeriesChart.rates(swept) == nil)
    }

    @Test("PNG says how many pixels are an inch, once, with a sound sum")
    func pixelsAnInch() {
        let image = RasterImage(width: 2, height: 1, channels: 1, bytes: [0, 255])
        let plain = [UInt8](PNGImage.encoded(image))
        let sized = [UInt8](StudyFigure.sized(png: plain))
        #expect(sized.count == plain.count + 21 && Array(sized[..<33]) == Array(plain[..<33]))
        // 300 / 0.0254 = 11811, in both directions, in meters; the sum is that of Python's zlib.crc32.
        let chunk: [UInt8] = [0, 0, 0, 9] + Array("pHYs".utf8) + [0, 0, 0x2E, 0x23, 0, 0, 0x2E, 0x23, 1]
        #expect(Array(sized[33..<54]) == chunk + [0x78, 0xA5, 0x3F, 0x76])
        #expect([UInt8](StudyFigure.sized(png: sized)) == sized)
    }

    @Test("A page of one run speaks of one run, and says where its files are")
    func run() {
        var document = RunDocument(
            task: Self.comparison.task, dataFingerprint: "abc", environment: .example, label: "adamw",
            rule: "adamw",
            options: [Setting("beta1", "0.9")], configuration: [:], steps: 100,
            record: Self.comparison.entries[0].runs[0])
        document.phase = .completed
        document.record.exhibits = [
            .table(ExhibitTable(title: "Samples of text", columns: ["a", "b"], rows: [["x", "y"]]))
        ]
        let page = RunReport(document, folder: "runs/first").page().replacing("<wbr>", with: "")
        for word in [
            "A training run", "adamw reached a validation loss of 2.3000 nats/byte after 100 steps",
            "Losses by step",
            "Accuracy by step", "Norm of the gradient", "Learning rate", "Samples of text",
            "runs/first/checkpoints",
            "run.json and metrics.jsonl in runs/first", "Fisher information along training",
        ] {
            #expect(page.contains(word), "\(word)")
        }
        for wrong in ["Comparison of optimizers", "results.json", "optimizers</span>", "seed by seed"] {
            #expect(!page.contains(wrong), "\(wrong)")
        }
        document.phase = .interrupted
        #expect(RunReport(document, folder: "r").text(width: 40).contains("interrupted"))
        let titled = RunReport(document, folder: "r", PageOptions(title: "My title")).page()
        #expect(titled.contains("<h1>My title</h1>"))
    }
}
