import Testing

@testable import FisherStudies

@Suite("The table on a terminal")
struct ComparisonTableTests {
    private var summary: ComparisonSummary { ComparisonSummary(of: ComparisonFixture.typical) }

    @Test("Columns are aligned, the best is starred, nothing is colored unasked")
    func whole() throws {
        let lines = summary.text().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let rule = try #require(lines.firstIndex { $0.hasPrefix("---") })
        let rows = lines[(rule + 1)...(rule + 3)]
        #expect(rows.allSatisfy { $0.count == lines[rule].count })
        #expect(rows.filter { $0.contains("*") }.isEmpty)
        #expect(rows[rule + 2].contains("2.220 ± 0.028  "))
        #expect(rows[rule + 2].contains("-0.090"))
        #expect(rows[rule + 1].contains("first"))
        #expect(rows[rule + 3].contains("2/1"))
        #expect(rows[rule + 1].contains("8.00"))
        #expect(!summary.text().contains("\u{1B}"))
        #expect(!summary.text().contains("|"))
    }

    @Test("Three seeds give a star, an interval and what was found")
    func threeSeeds() throws {
        let text = ComparisonSummary(of: ComparisonFixture.three).text()
        let row = try #require(text.split(separator: "\n").last { $0.hasPrefix("fadam") && $0.contains("±") })
        #expect(row.contains("2.220 ± 0.020 *") && row.contains("-0.100 [") && row.contains("lower p "))
    }

    @Test("Color changes nothing but escapes")
    func color() {
        let summary = ComparisonSummary(of: ComparisonFixture.three)
        let colored = summary.text(usesColor: true)
        #expect(colored.contains("\u{1B}[1;32m"))
        let stripped = colored.replacing("\u{1B}[1;32m", with: "").replacing("\u{1B}[0m", with: "")
        #expect(stripped == summary.text())
    }

    @Test("A table too wide for the terminal is split; the third is what it took to reach the first")
    func split() {
        let narrow = summary.text(width: 100)
        #expect(narrow.split(separator: "\n").filter { $0.hasPrefix("---") }.count == 3)
        #expect(narrow.split(separator: "\n").allSatisfy { DisplayWidth.of(String($0)) <= 100 })
    }

    @Test("Labels are wrapped, and cannot steer the terminal")
    func labels() {
        var result = ComparisonFixture.typical
        result.entries[0].label =
            "\u{1B}[2Jadamw, learning rate 0.002, weight decay 0.001, beta2 0.99\nclip 1.0"
        let text = ComparisonSummary(of: result).text()
        #expect(!text.contains("\u{1B}"))
        #expect(
            text.split(separator: "\n").contains {
                $0.hasPrefix(#"\u{1b}[2Jadamw, learning rate"#)
            })
        #expect(text.contains("clip 1.0"))
    }

    @Test("Nothing compared is a table without rows")
    func empty() {
        let text = ComparisonSummary(of: ComparisonFixture.result([])).text()
        #expect(text.hasPrefix("Nothing was compared.\n"))
        #expect(text.hasSuffix("-\n"))
    }
}

@Suite("Numbers and widths of text")
struct TextTests {
    @Test("Numbers are written for readers")
    func numbers() {
        let text = NumberText.plain
        #expect(text.fixed(-0.0001, decimals: 2) == "0.00")
        #expect(text.fixed(-1.25, decimals: 1) == "-1.2")
        #expect(text.fixed(.nan, decimals: 2) == "NaN")
        #expect(text.fixed(-.infinity, decimals: 2) == "-inf")
        #expect(text.signed(0.25, decimals: 2) == "+0.25")
        #expect(text.signed(0.001, decimals: 2) == "0.00")
        #expect(NumberText.typographic.signed(-0.25, decimals: 2) == "\u{2212}0.25")
        #expect([0, 999, 1_000, -1_234_567].map(text.grouped) == ["0", "999", "1,000", "-1,234,567"])
        #expect(
            [12, 999.4, 999.6, 31_240, 999_600, 4.05e6, 7e9].map(text.compact)
                == ["12", "999", "1.00k", "31.2k", "1.00M", "4.05M", "7.00G"])
        #expect([0, 59.6, 725, 3_753, .nan].map(text.duration) == ["0:00", "1:00", "12:05", "1:02:33", "?"])
        #expect(
            [0.0123, 1.944, 31.24, 88.6, 250].map(text.milliseconds) == [
                "0.012", "1.94", "31.2", "88.6", "250",
            ])
    }

    @Test("Wide and combining characters are counted as a terminal shows them")
    func widths() {
        #expect(DisplayWidth.of("adamw") == 5)
        #expect(DisplayWidth.of("漢字") == 4)
        #expect(DisplayWidth.of("e\u{301}") == 1)
        #expect(DisplayWidth.cut("漢字漢字", to: 5) == "漢字…")
        #expect(DisplayWidth.cut("abc", to: 3) == "abc")
        #expect(DisplayWidth.cut("abcd", to: 3) == "ab…")
        #expect(DisplayWidth.cut("abcd", to: 0) == "")
    }

    @Test("Lines are broken at spaces, and long words where they must be", arguments: 1...12)
    func wrapping(width: Int) {
        let text = "one 漢字漢字 three-and-more four"
        let lines = DisplayWidth.wrapped(text, width: width)
        // A wide character cannot be made to fit into one column.
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= max(width, 2) })
        #expect(lines.joined().filter { $0 != " " } == text.filter { $0 != " " })
        #expect(DisplayWidth.wrapped("", width: width) == [""])
    }
}
