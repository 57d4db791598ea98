"""The served page reloads in a browser once it is rebuilt, within its content security policy."""

from threading import Thread

from report.tools import serve


def test_the_page_reloads_when_it_was_made_again(browser, page, tmp_path):
    copy = tmp_path / "report.html"
    text = page.read_text("utf-8")
    copy.write_text(text, "utf-8")
    with serve.server(copy, 0) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        tab = browser.new_page()
        said = []
        tab.on("console", lambda message: said.append(message.text))
        with tab.expect_response(f"**{serve.VERSION}"):
            tab.goto(f"http://127.0.0.1:{listening.server_port}/")
        before = tab.title()
        with tab.expect_response(f"**{serve.VERSION}"):  # it knows now which version it shows
            pass
        with tab.expect_event("load"):
            copy.write_text(text.replace("<title>", "<title>Anew: ", 1), "utf-8")
        assert tab.title() == f"Anew: {before}"
        assert not [line for line in said if "Content Security Policy" in line]
        tab.close()
        listening.shutdown()
