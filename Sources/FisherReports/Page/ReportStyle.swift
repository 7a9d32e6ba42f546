/// The report's style sheet.
enum ReportStyle {
    /// Colors for both themes, then the page, the tables, the charts, narrow pages, paper.
    static let sheet = colors + page + tables + matrices + exhibits + charts + narrow + paper

    private static let lightColors = """
        --paper:#fff;--raised:#f7f8f9;--ink:#17202a;--minor:#5b6672;--rule:#e4e7eb;--strong-rule:#9aa4ae;
        --best:#eef6f2;--warning:#b3261e;
        \(SeriesStyle.paperColors.enumerated().map { "--series-\($0):\($1)" }.joined(separator: ";"))
        """

    private static let darkColors = """
        --paper:#12161b;--raised:#1a2027;--ink:#e9edf1;--minor:#9ca8b4;--rule:#29313a;--strong-rule:#65717d;
        --best:#16271f;--warning:#ff8f85;
        --series-0:#4aa8e8;--series-1:#f58b4c;--series-2:#2ccf9f;--series-3:#e39bc8;
        --series-4:#f2bd42;--series-5:#93d3f8;--series-6:#dfe5ea
        """

    private static let colors = """

        :root{color-scheme:light dark;\(lightColors)}
        @media screen and (prefers-color-scheme:dark){:root{\(darkColors)}}
        """

    private static let page = """

        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);
        font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
        font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
        main{max-width:1080px;margin:0 auto;padding:72px 20px 48px}
        section,figure{margin:72px 0 0}
        h1{font-size:clamp(30px,5vw,44px);line-height:1.12;letter-spacing:-.022em;font-weight:700;
        margin:6px 0 10px;overflow-wrap:anywhere}
        h2{font-size:22px;line-height:1.3;letter-spacing:-.012em;font-weight:650;margin:0 0 18px;
        overflow-wrap:anywhere}
        h3{font-size:15px;line-height:1.4;font-weight:650;margin:0 0 8px;overflow-wrap:anywhere}
        p{margin:0}
        a{color:var(--series-0)}
        .eyebrow{color:var(--series-0);font-size:13px;font-weight:650;letter-spacing:.09em;
        text-transform:uppercase}
        .description{color:var(--minor);font-size:18px;overflow-wrap:anywhere}
        .headline{font-size:20px;line-height:1.5;max-width:46em;margin-top:30px;padding-left:20px;
        border-left:3px solid var(--series-0);overflow-wrap:anywhere}
        .facts{display:flex;flex-wrap:wrap;gap:4px 26px;margin-top:26px;color:var(--minor);font-size:14px}
        .note,figcaption{color:var(--minor);font-size:14px;line-height:1.5;margin-top:14px;max-width:52em}
        .minor{color:var(--minor);font-weight:400}
        .warnings{margin:22px 0 0;padding:12px 20px 12px 36px;background:var(--raised);border-radius:10px;
        font-size:14.5px}
        .swatch{flex:none;vertical-align:middle}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:16px;
        margin-bottom:36px;align-items:start}
        .cards.files{grid-template-columns:minmax(0,720px)}
        .flag{white-space:nowrap}
        .card{background:var(--raised);border-radius:10px;padding:18px 20px;min-width:0}
        .card h3{display:flex;gap:10px;align-items:center}
        dl{margin:0;font-size:14px}
        dl div{display:flex;justify-content:space-between;gap:16px;padding:4px 0;
        border-top:1px solid var(--rule)}
        dt{color:var(--minor)}
        dd{margin:0;text-align:right;overflow-wrap:anywhere;min-width:0}
        pre{background:var(--raised);border-radius:10px;padding:16px 20px;margin:0;white-space:pre-wrap;
        overflow-wrap:anywhere;font:13.5px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,
        "DejaVu Sans Mono",monospace}
        footer{margin-top:72px;padding-top:18px;border-top:1px solid var(--rule);color:var(--minor);
        font-size:13px}
        """

    private static let tables = """

        table{width:100%;border-collapse:collapse;font-size:14.5px;line-height:1.4}
        thead th{font-size:13px;font-weight:600;text-align:right;vertical-align:bottom;
        padding:0 0 9px 16px;border-bottom:1.5px solid var(--strong-rule)}
        thead .unit{display:block;color:var(--minor);font-weight:400;font-size:12px;white-space:nowrap}
        thead th:first-child{text-align:left;padding-left:0}
        tbody th{text-align:left;font-weight:500;display:flex;gap:12px;align-items:baseline}
        tbody th .swatch{position:relative;top:1px}
        tbody th,tbody td{padding:12px 0 12px 16px;border:0}
        tbody th{padding-left:0;min-width:10.5em}
        tbody td{text-align:right;vertical-align:top;white-space:nowrap}
        tbody tr{border-bottom:1px solid var(--rule)}
        .name{overflow-wrap:anywhere;min-width:0}
        .stacked{display:inline-flex;flex-direction:column;align-items:flex-end}
        .below{font-size:12.5px}
        .best{background:linear-gradient(90deg,transparent,var(--best) 12%,var(--best) 88%,transparent)}
        .best .name,b.number{font-weight:700}
        .runs tbody td,.runs tbody th{padding-top:8px;padding-bottom:8px}
        .runs tbody td:last-child{white-space:normal;min-width:9em}
        .runs tbody th{min-width:14em}
        @media (max-width:940px){table{font-size:13px}thead th,tbody td{padding-left:10px}
        thead th,.below{font-size:11.5px}thead .unit{font-size:11px}.runs tbody th{min-width:11em}}
        .seed{white-space:nowrap}
        .failed td:last-child{color:var(--warning)}
        """

    private static let matrices = """

        .matrices{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:28px 32px}
        .matrix{min-width:0}
        .matrix h3{display:flex;gap:10px;align-items:center}
        .heat{font-size:13px;table-layout:fixed}
        .heat thead th,.heat tbody th,.heat tbody td{display:table-cell;min-width:0;padding:5px 4px;
        font-size:12px;text-align:center;font-weight:400;white-space:nowrap}
        .heat tbody td{font-size:13px;border:1px solid var(--paper)}
        .heat tbody tr{border:0}
        .name .below{display:block}
        """

    private static let exhibits = """

        .scrolled{overflow-x:auto}
        .pictures{width:auto;font-size:12.5px}
        .pictures th{display:table-cell;padding:2px 10px 2px 0;border:0;min-width:0;font-weight:400;
        color:var(--minor);text-align:left;vertical-align:middle;white-space:nowrap}
        .pictures tr{border:0}
        .pictures td{display:table-cell;padding:2px;line-height:0}
        .pictures img{image-rendering:pixelated;border-radius:3px}
        .judged tbody td,.judged thead th{text-align:left;white-space:normal}
        .texts tbody td,.texts thead th{text-align:left;white-space:normal;overflow-wrap:break-word}
        """

    private static let charts = """

        .canvas{position:relative}
        .exports{display:flex;gap:8px;margin-top:10px}
        .exports button{font:inherit;font-size:12.5px;color:var(--minor);background:none;cursor:pointer;
        border:1px solid var(--rule);border-radius:6px;padding:2px 10px}
        .exports button:hover,.exports button:focus-visible{color:var(--ink);border-color:var(--strong-rule)}
        @media print{.exports{display:none}}
        .chart{display:block;width:100%;height:auto;overflow:visible}
        .chart.narrow,.legend:not(.needed){display:none}
        .chart text{fill:var(--ink);font-size:13px}
        .chart .tick,.chart .axis-title,.chart .value{fill:var(--minor)}
        .chart .label{font-weight:600}
        .chart .value,.chart .number{font-weight:400}
        .chart .number{font-weight:600}
        .axis,.grid,.reference{fill:none;stroke:var(--rule);stroke-width:1}
        .axis{stroke:var(--strong-rule)}
        .reference{stroke:var(--strong-rule);stroke-dasharray:4 4}
        .curve,.stray,.leader,.ending,.mean,.whisker,.span{fill:none;stroke:var(--c)}
        .curve{stroke-width:2.2;stroke-linejoin:round}
        .stray{stroke-width:1.3;stroke-linejoin:round;opacity:.85}
        .leader{stroke-width:1;opacity:.5}
        .ending{stroke-width:2.2;stroke-linecap:round;fill:none}
        .band{fill:var(--c);opacity:.15}
        .shade{fill:var(--minor);opacity:.12}
        .mark{fill:var(--c);stroke:var(--paper);stroke-width:1}
        .dot{fill:var(--c);stroke:var(--paper);stroke-width:1.2}
        .mean{stroke-width:2.6;stroke-linecap:round}
        .whisker{stroke-width:1.6;stroke-linecap:round}
        .span{stroke-width:7;stroke-linecap:round;opacity:.2}
        .chosen{fill:none;stroke:var(--c);stroke-width:1.6}
        .pointer line{stroke:var(--strong-rule)}
        .pointer circle{fill:var(--paper);stroke:var(--c);stroke-width:2.2}
        .legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 14px;padding:0;
        font-size:14px}
        .legend li{display:flex;gap:8px;align-items:center;min-width:0}
        .legend span{overflow-wrap:anywhere;min-width:0}
        .tip{position:absolute;top:0;left:0;pointer-events:none;background:var(--raised);color:var(--ink);
        border:1px solid var(--rule);border-radius:8px;padding:8px 12px;font-size:13px;line-height:1.5;
        box-shadow:0 4px 18px rgb(0 0 0/.14);white-space:nowrap;z-index:1}
        .tip[hidden]{display:none}
        .tip div{display:flex;justify-content:space-between;gap:18px}
        .tip i{display:inline-block;width:10px;height:10px;border-radius:5px;background:var(--c);
        margin-right:8px}
        """

    private static let narrow = """

        @media screen and (max-width:720px){
        main{padding-top:40px}
        section,figure{margin-left:0;margin-right:0;margin-top:56px}
        .headline{font-size:18px;padding-left:16px}
        .chart.wide{display:none}
        .chart.narrow{display:block;max-width:560px}
        .legend:not(.needed){display:flex}
        table,tbody,tr,tbody th,tbody td{display:block}
        thead{display:none}
        tbody tr{padding:14px 0;border-top:1px solid var(--rule);border-bottom:0}
        tbody tr.best{background:none}
        tbody th{display:flex;padding:0 0 6px}
        tbody td{display:flex;justify-content:space-between;gap:16px;padding:3px 0;white-space:normal;
        min-width:0}
        tbody td::before{content:attr(data-title);text-align:left;color:var(--minor);font-weight:400}
        .figures tbody tr{display:flex;justify-content:space-between;gap:16px;padding:8px 0}
        .figures tbody tr th,.figures tbody tr td{padding:0;min-width:0}
        .figures tbody td{display:block;text-align:right}
        .figures td::before,.pictures td::before,.heat td::before{content:none}
        .texts tbody td{flex-flow:row wrap;justify-content:flex-start}
        .texts tbody td::before{min-width:45%}
        .pictures,.heat{display:table;width:100%}
        .pictures tbody,.heat tbody{display:table-row-group}
        .heat thead{display:table-header-group}
        .pictures tbody tr,.heat tr{display:table-row}
        .pictures tbody td{display:table-cell;padding:1px}
        .pictures tbody th,.heat tbody th{display:table-cell}
        .pictures th{white-space:normal;padding-right:6px}
        .pictures img{width:100%;height:auto;min-width:14px}
        .runs tbody td,.runs tbody th{padding-top:2px;padding-bottom:2px}
        .stacked{flex-flow:row wrap;justify-content:flex-end;align-items:baseline;column-gap:8px}
        .best .name::after{content:" · lowest mean";color:var(--minor);font-weight:400}
        }
        """

    private static let paper = """

        @media print{
        @page{margin:16mm}
        body{font-size:11pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
        main{padding:0;max-width:none}
        section,figure{margin-top:32px}
        table{font-size:9.5pt}
        thead th,tbody td{padding-left:8px}
        .below,thead .unit{font-size:8pt}
        figure,tr,.card,pre{break-inside:avoid}
        h2,h3{break-after:avoid}
        .tip,.pointer{display:none}
        }

        """
}
